// SPDX-License-Identifier: Apache-2.0
// The description of the device and network at hand, measured.
#pragma once

#include "lib/dist/mpi/mpi_environment.h"
#include "lib/measure/device.h"

namespace sy {

// Takes some seconds; what only several ranks can show, the latency and rate of collectives, is
// assumed with one, and what a step reaches of its rates, which with_reference_step() finds for a
// CPU (lib/plan/reference_step.h). Products count at the slowest rank's rate. Of a GPU, memory and
// its rate are those of its data sheet; throws RuntimeFailure if there is none for it. Collective;
// the same on every rank.
Device measure_device(MpiEnvironment& mpi, int threads);

// The device with the link that was measured among its ranks: within the host if they are on one,
// where what lies between hosts stays assumed, or else between hosts, and of a CPU within them too.
Device with_measured_link(Device device, const Link& link, bool one_host);

}  // namespace sy
