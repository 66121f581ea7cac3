// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/device/report.h"

#include <signal.h>

#include <cstddef>
#include <memory>

#include "tests/hostcuda/device/device.h"
#include "tests/hostcuda/device/fiber.h"
#include "tests/hostcuda/device/memory.h"
#include "tests/hostcuda/device/shared_memory.h"

namespace sy::hostcuda {
namespace {

constexpr size_t kStackBytes = 64 << 10;

struct sigaction previous[2];  // of SIGSEGV and SIGBUS

struct sigaction& previous_of(int signal) {
  return previous[signal == SIGSEGV ? 0 : 1];
}

bool runs_here() {
  return running.work != nullptr && pthread_equal(running.host_thread, pthread_self()) != 0;
}

// Appends "N bytes past the end of" or the like, then `what` and its size.
void describe(Message& message, const char* at, const char* begin, size_t bytes, const char* what) {
  const char* end = begin + bytes;
  if (at < begin) {
    message << static_cast<size_t>(begin - at) << " bytes before the start of ";
  } else if (at >= end) {
    message << static_cast<size_t>(at - end) << " bytes past the end of ";
  } else {
    message << "byte " << static_cast<size_t>(at - begin) << " of ";
  }
  message << what << " of " << bytes << " bytes";
}

const char* name(const Allocation& a) {
  if (!a.live) return "freed memory";
  if (a.kind == Kind::device) return "device memory";
  return a.kind == Kind::managed ? "managed memory" : "pinned host memory";
}

[[noreturn]] void report_allocation(const char* at, const Allocation& a) {
  Message message;
  message << (runs_here() ? running : Running{});
  const bool inside = at >= a.begin && at < a.begin + a.bytes;
  if (!runs_here() && inside && a.live) {
    message << " touched device memory of " << a.bytes << " bytes (byte "
            << static_cast<size_t>(at - a.begin) << ")";
    message.die();
  }
  message << " touched ";
  describe(message, at, a.begin, a.bytes, name(a));
  message << " (address " << static_cast<const void*>(at) << ")";
  message.die();
}

[[noreturn]] void report_work(const siginfo_t& info) {
  Message message;
  message << running;
  const char* at = static_cast<const char*>(info.si_addr);
  if (borders_on_shared_memory(at)) {
    message << " touched ";
    describe(message, at, shared_memory(), running.shared_bytes, "the block's shared memory");
  } else if (borders_on_stack(at)) {
    message << " overflowed the stack of a device thread";
  } else if (info.si_code == SI_KERNEL) {
    message << " touched 16 bytes at an address that is not aligned to 16, or no address at all";
  } else {
    message << " touched address " << info.si_addr << ", where nothing was allocated";
  }
  message.die();
}

void handle(int signal, siginfo_t* info, void*) {
  const char* at = static_cast<const char*>(info->si_addr);
  if (const Allocation* near = find_near(at)) report_allocation(at, *near);
  if (runs_here()) report_work(*info);
  // Not ours: the instruction faults again and reaches the previous handler.
  sigaction(signal, &previous_of(signal), nullptr);
}

// A stack for the handler, since the fault may be the overflow of a fiber's stack.
struct HandlerStack {
  HandlerStack() : memory(std::make_unique<char[]>(kStackBytes)) {
    stack_t own{};
    own.ss_sp = memory.get();
    own.ss_size = kStackBytes;
    sigaltstack(&own, nullptr);
  }
  ~HandlerStack() {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }
  std::unique_ptr<char[]> memory;
};

}  // namespace

void install_fault_handler() {
  thread_local const HandlerStack stack;
  for (const int signal : {SIGSEGV, SIGBUS}) {
    struct sigaction present {};
    sigaction(signal, nullptr, &present);
    if ((present.sa_flags & SA_SIGINFO) != 0 && present.sa_sigaction == handle) continue;
    previous_of(signal) = present;
    struct sigaction ours {};
    ours.sa_sigaction = handle;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&ours.sa_mask);
    sigaction(signal, &ours, nullptr);
  }
}

}  // namespace sy::hostcuda
