// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/arena.h"

#include "lib/base/numeric.h"

namespace sy {
namespace {
constexpr int64_t kAlignment = 64, kPage = 4096;
}

Tensor Arena::take(DType dtype, Shape shape, const std::string& label) {
  const int64_t bytes = round_up(shape.numel() * static_cast<int64_t>(size_of(dtype)), kAlignment);
  const int64_t begin = offset_;
  offset_ += bytes;
  if (measuring()) {
    measured_.push_back(bytes);
    size_ = std::max(size_, offset_);
    return Tensor(nullptr, dtype, shape);
  }
  SY_CHECK(next_ < measured_.size() && measured_[next_] == bytes,
           "{}: {} differs from what was measured", name_, label);
  ++next_;
  return Tensor(static_cast<char*>(memory_.data()) + begin, dtype, shape);
}

int64_t Arena::bytes() const {
  return measuring() ? round_up(size_ + 1, kPage) : size_;
}

void Arena::allocate(MemoryKind kind) {
  SY_CHECK(measuring(), "{} is already allocated", name_);
  size_ = bytes();
  offset_ = 0;
  memory_ = Memory(kind, size_, name_);
}

}  // namespace sy
