// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/scratch.h"

#include <algorithm>

#include "lib/base/numeric.h"

namespace sy {

void ScratchStack::allocate(int64_t bytes, MemoryKind kind) {
  SY_CHECK(memory_ == nullptr && top_ == 0, "scratch is in use");
  arena_ = std::make_unique<Arena>("scratch");
  arena_->take(DType::i32, {ceil_div(bytes, 4)}, "scratch");
  arena_->allocate(kind);
  memory_ = static_cast<char*>(arena_->take(DType::i32, {ceil_div(bytes, 4)}, "scratch").raw());
  capacity_ = bytes;
}

Tensor ScratchStack::push(DType dtype, Shape shape, const char* label) {
  const int64_t bytes = round_up(shape.numel() * static_cast<int64_t>(size_of(dtype)), 64);
  char* start = memory_ == nullptr ? nullptr : memory_ + top_;
  top_ += bytes;
  high_water_ = std::max(high_water_, top_);
  SY_CHECK(memory_ == nullptr || top_ <= capacity_, "scratch for {} exceeds the planned {} bytes",
           label, capacity_);
  return Tensor(start, dtype, shape);
}

}  // namespace sy
