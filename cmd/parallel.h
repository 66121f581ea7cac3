// SPDX-License-Identifier: Apache-2.0
// The common start of commands that compute under mpirun.
#pragma once

#include "lib/config/run_config.h"
#include "lib/dist/mpi/mpi_environment.h"
#include "lib/train/runtime.h"

namespace sy {

// Starts the watchdog, MPI and the threads of this rank, as configured.
struct Parallel {
  explicit Parallel(const RunSection& run)
      : mpi(nullptr, nullptr, run.hang_timeout_seconds),
        threads(
            choose_threads(mpi, run.threads.is_auto ? 0 : static_cast<int>(run.threads.value))) {}
  RankResources resources() const { return {threads, mpi.local_rank(), mpi.local_size()}; }

  MpiEnvironment mpi;
  int threads;
};

}  // namespace sy
