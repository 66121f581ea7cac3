// MPI's start and end, and the watchdog that names a collective which never returns.
#pragma once

#include <memory>

#include "lib/dist/communicator.h"

namespace sy {

// One per process; made first in main. Starts MPI (funneled) and gives this process its rank in
// log.
class MpiEnvironment {
 public:
  MpiEnvironment(int* argc, char*** argv);
  ~MpiEnvironment();  // MPI_Finalize, unless an exception is unwinding
  MpiEnvironment(const MpiEnvironment&) = delete;
  MpiEnvironment& operator=(const MpiEnvironment&) = delete;

  Communicator& world() { return *world_; }

  // Ranks on this node and this rank's number among them.
  int local_rank() const { return local_rank_; }
  int local_size() const { return local_size_; }

  // Ends every rank of the job with this code. Safe when another rank is stuck.
  [[noreturn]] static void abort(int code);

 private:
  std::unique_ptr<Communicator> world_;
  int local_rank_ = 0;
  int local_size_ = 1;
};

// From now on a collective of this process that waits longer than `seconds` (0: never) prints rank,
// group, label, its number and how long it waited, and ends the job; on a GPU its time runs from
// when it could begin there. One that fails on a GPU is reported and ends the job in any case.
void start_watchdog(double seconds);

// Threads for this rank: OMP_NUM_THREADS if it is set, else `configured` (0: auto), else the node's
// cores that this job may use divided by its ranks there. Under auto the process is also bound to
// its own share of cores, since mpirun binds one or two ranks to a single core each by default.
int choose_threads(const MpiEnvironment& mpi, int configured);

}  // namespace sy
