#include "lib/tensor/arena.h"

#include <sys/mman.h>

#include "lib/base/numeric.h"

namespace sy {
namespace {
constexpr int64_t kAlignment = 64;
}

Arena::~Arena() {
  if (memory_ != nullptr) munmap(memory_, static_cast<size_t>(size_));
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
  Tensor tensor(memory_ + offset_, dtype, shape);
  offset_ += bytes;
  return tensor;
}

void Arena::allocate() {
  SY_CHECK(measuring(), "{} is allocated already", name_);
  size_ = round_up(size_ + 1, 4096);
  // mmap gives zero pages and huge pages where they pay; nothing is resident before its first
  // touch.
  void* memory = mmap(nullptr, static_cast<size_t>(size_), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw RuntimeFailure(
        fmt::format("cannot allocate {} MiB for {}: lower train.micro_batch or the model's size",
                    size_ >> 20, name_));
  }
  madvise(memory, static_cast<size_t>(size_), MADV_HUGEPAGE);
  memory_ = static_cast<char*>(memory);
}

}  // namespace sy
