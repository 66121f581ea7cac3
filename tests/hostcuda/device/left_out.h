// A barrier that is left out on purpose, to see that a test fails without it (without_barriers.py).
#pragma once

#include "tests/hostcuda/device/device.h"

namespace sy::hostcuda {

// Whether $SWITCHYARD_HOSTCUDA_WITHOUT, "kernels/cuda/scan.h:24" say, names the end of the
// barrier's file and its line. With a file named by $SWITCHYARD_HOSTCUDA_BARRIERS every barrier
// that is met is noted there.
bool left_out(Site site);

}  // namespace sy::hostcuda
