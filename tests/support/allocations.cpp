// SPDX-License-Identifier: Apache-2.0
#include "tests/support/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<int64_t> count{0}, bytes{0};
}  // namespace

// AddressSanitizer has its own operators, which must not be mixed with these.
#if !defined(__SANITIZE_ADDRESS__)
void* operator new(size_t size) {
  ++count;
  bytes += static_cast<int64_t>(size);
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
#endif

namespace sy::test {

Allocations allocations() {
  return {count.load(), bytes.load()};
}

}  // namespace sy::test
