#include "lib/tensor/arena.h"

#include "lib/base/numeric.h"

namespace sy {
namespace {
constexpr int64_t kAlignment = 64;
}

Tensor Arena::take(DType dtype, Shape shape, const std::string& label) {
  const int64_t bytes = round_up(shape.numel() * static_cast<int64_t>(size_of(dtype)), kAlignment);
  if (measuring()) {
    entries_.push_back({label, bytes});
    size_ += bytes;
    return Tensor(nullptr, dtype, shape);
  }
  SY_CHECK(next_entry_ < entries_.size() && entries_[next_entry_].bytes == bytes,
           "{}: {} was measured differently", name_, label);
  ++next_entry_;
  Tensor tensor(static_cast<char*>(memory_.data()) + offset_, dtype, shape);
  offset_ += bytes;
  return tensor;
}

void Arena::allocate(MemoryKind kind) {
  SY_CHECK(measuring(), "{} is allocated already", name_);
  size_ = round_up(size_ + 1, 4096);
  memory_ = Memory(kind, size_, name_);
}

}  // namespace sy
