// SPDX-License-Identifier: Apache-2.0
// Digests of tensors (kernels/digest/digest.h), in rows and columns: taken on the device at any
// time, read on the host together.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/tensor/arena.h"
#include "lib/tensor/exec.h"

namespace sy {

class DigestTable {
 public:
  // Measures or carves the table in the exec's memory (arena.h).
  void take_memory(Arena& arena, int64_t rows, int64_t columns);

  // Queues the digest of `tensor`, which may be empty.
  void note(Exec& exec, int64_t row, int64_t column, Tensor tensor);
  // Brings `rows` rows to the host. Waits for the exec.
  void read(Exec& exec, int64_t first_row, int64_t rows);
  // As of the last read() of the row.
  uint64_t at(int64_t row, int64_t column) const;

 private:
  Tensor parts_;  // int32 [rows, columns, kDigestParts, 2]
  std::vector<int32_t> host_;
};

}  // namespace sy
