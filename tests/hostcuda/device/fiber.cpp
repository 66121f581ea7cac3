// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/device/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "tests/hostcuda/device/report.h"

namespace sy::hostcuda {
namespace {

constexpr size_t kStackBytes = 128 << 10;
constexpr size_t kFibers = 1024;  // the largest number of threads in a block

Fiber host;
Fiber* current = &host;
Fiber* departed = nullptr;  // the fiber that switched to `current`

char* stacks = nullptr;  // kFibers stacks, each ending in a guard page
size_t stacks_used = 0;

// Never destroyed, since a fiber that waits for more work cannot be unwound.
alignas(Fiber) std::byte storage[kFibers * sizeof(Fiber)];

// Cache coloring: if every stack began at the same offset, the tops would compete for a few cache
// sets.
size_t colour(size_t index) {
  return index % 61 * 192;
}

struct Stacks {
  boost::context::stack_context allocate() {
    if (stacks == nullptr) {
      stacks = static_cast<char*>(mmap(nullptr, kFibers * kStackBytes, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
      if (stacks == MAP_FAILED) (Message() << "no memory for the stacks of a block").die();
    }
    char* bottom = stacks + stacks_used * kStackBytes;
    mprotect(bottom, static_cast<size_t>(sysconf(_SC_PAGESIZE)), PROT_NONE);
    boost::context::stack_context stack;
    stack.size = kStackBytes - colour(stacks_used++);
    stack.sp = bottom + stack.size;
    return stack;
  }
  void deallocate(boost::context::stack_context&) {}
};

}  // namespace

Fiber& running_fiber() {
  return *current;
}

void switch_to(Fiber& to) {
  departed = current;
  current = &to;
  boost::context::fiber from = std::move(to.context).resume();
  departed->context = std::move(from);
}

Fiber& make_fiber(void (*body)()) {
  auto* made = new (&storage[stacks_used * sizeof(Fiber)]) Fiber;
  made->context =
      boost::context::fiber(std::allocator_arg, Stacks(), [body](boost::context::fiber&& from) {
        departed->context = std::move(from);
        body();
        return boost::context::fiber();
      });
  return *made;
}

bool borders_on_stack(const char* address) {
  if (stacks == nullptr || address < stacks || address >= stacks + kFibers * kStackBytes) {
    return false;
  }
  return static_cast<size_t>(address - stacks) % kStackBytes <
         static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace sy::hostcuda
