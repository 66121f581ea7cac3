// Runs a kernel: its blocks one after another, the threads of a block as fibers that change only
// where they wait. A thread that never waits costs no switch: the fiber goes on with the next.
#pragma once

#include <functional>

#include "tests/hostcuda/device/launch.h"

namespace sy::hostcuda {

// Device memory is accessible meanwhile; writes beside allocations are reported afterwards.
void run_kernel(const KernelCall& call, const std::function<void()>& body);

}  // namespace sy::hostcuda
