// SPDX-License-Identifier: Apache-2.0
// What a run is planned to take of time, said at its start.
#pragma once

#include "lib/config/run_config.h"
#include "lib/dist/mpi/mpi_environment.h"
#include "lib/train/runtime.h"

namespace sy {

// Logs the planned time of a step and returns its seconds. On a CPU it first measures what the
// machine reaches, in about five seconds, unless the whole run may take less than a minute; of a
// GPU it takes the data sheet. Returns 0, and logs nothing, for such a short run and for a GPU
// without a known sheet. `config` must fit the mesh. Collective.
double announce_step_time(const RunConfig& config, Backend backend, MpiEnvironment& mpi,
                          const RankResources& resources);

}  // namespace sy
