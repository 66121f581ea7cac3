// Fibers: a stack each, switched without the kernel's help (Boost.Context). They are never
// destroyed, and are used again for the next threads.
#pragma once

#include <boost/context/fiber.hpp>

namespace sy::hostcuda {

struct Fiber {
  boost::context::fiber context;  // where it goes on; empty while it runs
};

// A fiber that runs `body`, which never returns, when it is first switched to.
Fiber& make_fiber(void (*body)());

// The fiber that runs; the host thread's own stack at first.
Fiber& running_fiber();

// Goes on in `to`; returns when something switches back to this one.
void switch_to(Fiber& to);

// Whether `address` is in the page that ends a fiber's stack. Usable in signal handlers.
bool borders_on_stack(const char* address);

}  // namespace sy::hostcuda
