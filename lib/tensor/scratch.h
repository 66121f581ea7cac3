// SPDX-License-Identifier: Apache-2.0
// Scratch memory of one Exec: a stack whose frames are scopes. Its size is found by running the
// whole step once in planning mode, where only the high-water mark moves. It is then allocated
// once.
#pragma once

#include <cstdint>
#include <memory>

#include "lib/tensor/arena.h"
#include "lib/tensor/tensor.h"

namespace sy {

class ScratchStack {
 public:
  // Allocates `bytes`; called once, after planning. Throws RuntimeFailure if memory is short.
  void allocate(int64_t bytes, MemoryKind kind = MemoryKind::host);

  // Pushes a view onto the stack. Throws InternalError if this exceeds the planned size.
  Tensor push(DType dtype, Shape shape, const char* label);

  int64_t top() const { return top_; }
  void pop_to(int64_t top) { top_ = top; }
  int64_t high_water() const { return high_water_; }
  int64_t capacity() const { return capacity_; }

 private:
  std::unique_ptr<Arena> arena_;
  char* memory_ = nullptr;
  int64_t capacity_ = 0;
  int64_t top_ = 0;
  int64_t high_water_ = 0;
};

}  // namespace sy
