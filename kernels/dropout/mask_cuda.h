// SPDX-License-Identifier: Apache-2.0
// The mask of a Dropout in device code: for each element the same word that
// kernels/dropout/dropped_row_cpu.h draws on the CPU, four words per Philox block.
#pragma once

#include <cmath>

#include "kernels/cuda/map.h"
#include "kernels/dropout/dropout.h"

namespace sy {

// Passed to kernels by value. C is the type of the factors: 1 / (1 - rate) for kept elements, 0 for
// dropped ones, and 1 for all if nothing is drawn.
template <class C>
struct DropoutMask {
  RandomKey key;
  uint32_t dropped_below;  // a smaller word's uniform is below the rate
  C keep;
  int64_t first_id, cols;        // the id of row 0
  int64_t first_col, row_words;  // row_words > cols where the tensor is a shard of the columns
  const int32_t* row_ids;        // or null
  unsigned row_maps;             // groups of kMapElements per row, where they divide its columns
  unsigned rows_per_mask, rows_before;  // rows_before: before row 0, rows of the same mask

  __device__ bool draws() const { return dropped_below != 0; }
  __device__ int64_t id_of(int64_t row) const {
    if (row_ids != nullptr) return row_ids[row];
    if (rows_per_mask == 1) return first_id + row;
    return first_id + (static_cast<unsigned>(row) + rows_before) / rows_per_mask;
  }
  __device__ uint64_t word_of(int64_t id, int64_t col) const {
    return static_cast<uint64_t>(id) * static_cast<uint64_t>(row_words) +
           static_cast<uint64_t>(first_col + col);
  }
  __device__ C factor_of(uint32_t word) const { return word < dropped_below ? C(0) : keep; }

  // The factors of kMapElements elements from `begin` of the whole tensor; kMapElements must divide
  // begin, cols, first_col and row_words.
  __device__ void factors(C (&factor)[kMapElements], int64_t begin) const {
    // Whole rows without ids are consecutive in the stream too, so they need not be distinguished.
    const bool consecutive = row_ids == nullptr && row_words == cols && rows_per_mask == 1;
    const int64_t row = consecutive ? 0 : static_cast<unsigned>(begin / kMapElements) / row_maps;
    const int64_t id = id_of(row);
    if (!draws() || id < 0) {
#pragma unroll
      for (int i = 0; i < kMapElements; ++i) factor[i] = 1;
      return;
    }
    const uint64_t first = word_of(id, begin - row * cols);
#pragma unroll
    for (int i = 0; i < kMapElements; i += 4) {
      const Philox4 words = philox(key, (first + static_cast<uint64_t>(i)) / 4);
#pragma unroll
      for (int j = 0; j < 4; ++j) factor[i + j] = factor_of(words.word[j]);
    }
  }
};

// The factors of single elements, for rows that start anywhere within a block of words. A block is
// drawn again only when an element of a different block is requested.
template <class C>
class DropoutWalk {
 public:
  __device__ explicit DropoutWalk(const DropoutMask<C>& mask) : mask_(mask) {}

  // The factor of element i of the whole tensor.
  __device__ C factor(int64_t i) {
    if (!mask_.draws()) return 1;
    const int64_t row = i / mask_.cols, id = mask_.id_of(row);
    if (id < 0) return 1;
    const uint64_t word = mask_.word_of(id, i - row * mask_.cols);
    if (word / 4 != block_) {
      block_ = word / 4;
      words_ = philox(mask_.key, block_);
    }
    // Selected without indexing: an indexed array would be placed in local memory.
    const uint32_t even = word % 4 < 2 ? words_.word[0] : words_.word[2];
    const uint32_t odd = word % 4 < 2 ? words_.word[1] : words_.word[3];
    return mask_.factor_of(word % 2 == 0 ? even : odd);
  }

 private:
  const DropoutMask<C>& mask_;
  uint64_t block_ = ~uint64_t{0};  // beyond the last block of any element
  Philox4 words_ = {};
};

// The word alone decides whether an element is kept: uniform_from_word(w) = (w >> 8) / 2^24 is
// below the rate exactly if w >> 8 is below the rate times 2^24, which is exact in float32.
template <class C>
DropoutMask<C> mask_of(const Dropout& dropout, int64_t cols) {
  const auto dropped = static_cast<uint32_t>(std::ceil(dropout.rate * 16777216.0f));
  const int32_t* ids = dropout.row_ids.empty() ? nullptr : dropout.row_ids.data<int32_t>();
  return {dropout.key,
          dropped << 8,
          C(1) / (C(1) - static_cast<C>(dropout.rate)),
          dropout.first_row / dropout.rows_per_mask,
          cols,
          dropout.first_col,
          dropout.row_words(cols),
          ids,
          narrow<unsigned>(cols / kMapElements),
          narrow<unsigned>(dropout.rows_per_mask),
          narrow<unsigned>(dropout.first_row % dropout.rows_per_mask)};
}

}  // namespace sy
