// The mask of one row, for the CPU twins of every op that drops: dropout and activation.
#pragma once

#include "kernels/dropout.h"
#include "kernels/philox_fill.h"

namespace sy {

// Columns of a row are handled in pieces of this many, so that masks live on the stack; a multiple
// of 4.
constexpr int64_t kDropoutPiece = 1024;

// mask[0 .. count) = 1 / (1 - rate) for kept elements of columns [begin, begin + count) of a row of
// `cols` columns, 0 for dropped ones.
template <class T>
inline void dropout_mask_piece(const Dropout& dropout, int64_t row, int64_t cols, int64_t begin,
                               int64_t count, T* mask) {
  const T keep = T(1) / (T(1) - static_cast<T>(dropout.rate));
  const int64_t id =
      dropout.row_ids.empty() ? dropout.first_row + row : dropout.row_ids.data<int32_t>()[row];
  if (id < 0) {
    for (int64_t c = 0; c < count; ++c) mask[c] = T(1);
    return;
  }
  const float rate = dropout.rate;
  const uint64_t first =
      static_cast<uint64_t>(id) * static_cast<uint64_t>(cols) + static_cast<uint64_t>(begin);
  for_each_uniform(dropout.key, first, count,
                   [=](int64_t c, float u) { mask[c] = u >= rate ? keep : T(0); });
}

}  // namespace sy
