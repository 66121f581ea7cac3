// SPDX-License-Identifier: Apache-2.0
// Fibers: each has its own stack, and switching needs no system call (Boost.Context). They are
// never destroyed but reused for later threads.
#pragma once

#include <boost/context/fiber.hpp>

namespace sy::hostcuda {

struct Fiber {
  boost::context::fiber context;  // where it will continue; empty while it runs
};

// Makes a fiber that runs `body`, which never returns, once it is first switched to.
Fiber& make_fiber(void (*body)());

// The running fiber; at first, the host thread's own stack.
Fiber& running_fiber();

// Continues in `to`; returns when something switches back to this fiber.
void switch_to(Fiber& to);

// Whether `address` lies in the guard page of a fiber's stack. Safe in signal handlers.
bool borders_on_stack(const char* address);

}  // namespace sy::hostcuda
