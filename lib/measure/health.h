// SPDX-License-Identifier: Apache-2.0
// The checks of `switchyard doctor`: measures MPI, cores, compute, memory, disk and GPUs of an
// allocation and judges each result.
#pragma once

#include <functional>
#include <string>

#include "lib/dist/mpi/mpi_environment.h"

namespace sy {

// One result. `complaint` is empty if it is fine, else it says what needs attention.
struct Finding {
  std::string subject;  // "all-reduce"
  std::string result;   // "16 MiB: 5120 MB/s per rank"
  std::string complaint;
};
using FindingSink = std::function<void(const Finding&)>;

// Runs every check and passes each finding to `report` as soon as it is known. Collective; findings
// are the same on every rank. `threads` is this rank's thread count, `folder` the directory that
// checkpoints will be written to.
void check_health(MpiEnvironment& mpi, int threads, const std::string& folder,
                  const FindingSink& report);

}  // namespace sy
