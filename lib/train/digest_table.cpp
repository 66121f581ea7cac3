// SPDX-License-Identifier: Apache-2.0
#include "lib/train/digest_table.h"

#include "kernels/digest/digest.h"
#include "lib/tensor/transfer.h"

namespace sy {

void DigestTable::take_memory(Arena& arena, int64_t rows, int64_t columns) {
  parts_ = arena.take(DType::i32, {rows, columns, kDigestParts, 2}, "digests");
  host_.resize(static_cast<size_t>(parts_.numel()));
}

void DigestTable::note(Exec& exec, int64_t row, int64_t column, Tensor tensor) {
  digest(exec, parts_.at(row).at(column), tensor);
}

void DigestTable::read(Exec& exec, int64_t first_row, int64_t rows) {
  const Tensor some = parts_.slice(first_row, rows);
  const int64_t before = first_row * (parts_.numel() / parts_.dim(0));
  download(exec, Tensor(host_.data() + before, DType::i32, some.shape()), some);
}

uint64_t DigestTable::at(int64_t row, int64_t column) const {
  const int64_t number = row * parts_.dim(1) + column;
  return digest_of(host_.data() + number * 2 * kDigestParts);
}

}  // namespace sy
