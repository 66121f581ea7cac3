// SPDX-License-Identifier: Apache-2.0
// Initialises and finalises MPI, and starts the watchdog that reports hanging collectives.
#pragma once

#include <memory>
#include <optional>

#include "lib/dist/communicator.h"

namespace sy {

// One per process, constructed first in main. Initialises MPI (MPI_THREAD_FUNNELED) and tells the
// log this rank. Throws ConfigError if the launcher started several processes but MPI connects none
// of them (launcher.h).
class MpiEnvironment {
 public:
  // With `hang_timeout_seconds`, the watchdog (start_watchdog) starts first, so that it also sees
  // MPI_Init, in which the others wait for a rank that ended before it.
  MpiEnvironment(int* argc, char*** argv, std::optional<double> hang_timeout_seconds = {});
  ~MpiEnvironment();  // MPI_Finalize, unless an exception is unwinding
  MpiEnvironment(const MpiEnvironment&) = delete;
  MpiEnvironment& operator=(const MpiEnvironment&) = delete;

  Communicator& world() { return *world_; }

  // Number of ranks on this node, and the index of this rank among them.
  int local_rank() const { return local_rank_; }
  int local_size() const { return local_size_; }

  // Ends all ranks of the job with this exit code, before MPI_Init only this one. Safe while other
  // ranks hang, and while a host is cut off: this rank ends after 5 seconds by itself, and a
  // launcher that does not end is killed.
  [[noreturn]] static void abort(int code);

 private:
  std::unique_ptr<Communicator> world_;
  int local_rank_ = 0;
  int local_size_ = 1;
};

// Starts the watchdog. If a collective of this process blocks for longer than `seconds` (0: no
// limit), it prints rank, group, label, call number and waiting time and ends the job. On a GPU,
// the time counts from when the collective could start. A collective that fails on a GPU is
// reported and ends the job whatever the limit.
void start_watchdog(double seconds);

// Number of threads for this rank: `configured` if not 0, else OMP_NUM_THREADS if set, else the
// cores that the launcher gave this rank, divided by the ranks of the node that were given the
// same. In the last case the process is also bound to its share. Never more threads than cores, and
// never other cores than those of the launcher: its CPU mask, or mpirun's own mask where mpirun by
// default binds each of one or two ranks to a single core. Collective.
int choose_threads(const MpiEnvironment& mpi, int configured);

}  // namespace sy
