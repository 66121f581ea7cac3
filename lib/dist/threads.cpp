// SPDX-License-Identifier: Apache-2.0
#include <mpi.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "lib/base/core_set.h"
#include "lib/base/log.h"
#include "lib/dist/launcher.h"
#include "lib/dist/mpi/mpi_check.h"
#include "lib/dist/mpi/mpi_environment.h"

namespace sy {
namespace {

// The cores that the launcher gave this rank. Open MPI's mpirun binds each of one or two ranks to a
// single core if nobody asks for another binding; the rank may then use the cores of mpirun.
std::vector<int> granted_cores() {
  std::vector<int> own = cores_of(0);
  if (own.empty()) return {0};
  if (!bound_by_default()) return own;
  std::vector<int> mpirun = cores_of(launcher_process());
  const bool wider = std::includes(mpirun.begin(), mpirun.end(), own.begin(), own.end());
  return wider ? mpirun : own;
}

// The ranks of this node that were given the same cores, and the index of this rank among them.
struct Sharers {
  int rank = 0;
  int count = 1;
};

// Collective.
Sharers sharers_of(const std::vector<int>& cores) {
  uint64_t own = 0xcbf29ce484222325u;  // FNV-1a
  for (const int core : cores) own = (own ^ static_cast<uint64_t>(core)) * 0x100000001b3u;
  MPI_Comm node = MPI_COMM_NULL;
  int rank = 0, size = 1;
  MPI_CHECK(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
  MPI_CHECK(MPI_Comm_rank(node, &rank));
  MPI_CHECK(MPI_Comm_size(node, &size));
  std::vector<uint64_t> all(static_cast<size_t>(size));
  MPI_CHECK(MPI_Allgather(&own, 1, MPI_UINT64_T, all.data(), 1, MPI_UINT64_T, node));
  MPI_CHECK(MPI_Comm_free(&node));
  return {static_cast<int>(std::count(all.begin(), all.begin() + rank, own)),
          static_cast<int>(std::count(all.begin(), all.end(), own))};
}

// Threads that the configuration or, after it, the environment asks for; 0 if neither does.
struct Asked {
  int threads = 0;
  const char* by = "";
};

Asked asked_threads(int configured) {
  if (configured > 0) return {configured, "run.threads"};
  const char* text = std::getenv("OMP_NUM_THREADS");
  return {text == nullptr ? 0 : std::max(0, std::atoi(text)), "OMP_NUM_THREADS"};
}

// More threads than cores would only wait for one another.
int limited(const Asked& asked, int cores) {
  if (asked.threads <= cores) return asked.threads;
  if (log::rank() == 0) {
    log::warn("{}: {}, but the launcher gives this rank {} of the cores: it computes with {} {}",
              asked.by, asked.threads, cores, cores, cores == 1 ? "thread" : "threads");
  }
  return cores;
}

}  // namespace

int choose_threads(const MpiEnvironment& /*mpi*/, int configured) {
  const std::vector<int> cores = granted_cores();
  const Sharers sharers = sharers_of(cores);
  const Asked asked = asked_threads(configured);
  if (asked.threads > 0) {
    const int threads = limited(asked, static_cast<int>(cores.size()));
    // Otherwise the threads would share too few cores.
    if (threads > static_cast<int>(cores_of(0).size())) bind_to(cores);
    return threads;
  }
  const auto ranks = static_cast<size_t>(sharers.count), rank = static_cast<size_t>(sharers.rank);
  if (cores.size() < ranks) {
    bind_to(cores);
    return 1;
  }
  const auto edge = [&](size_t r) {
    return cores.begin() + static_cast<std::ptrdiff_t>(r * cores.size() / ranks);
  };
  const std::vector<int> share(edge(rank), edge(rank + 1));
  bind_to(share);
  return static_cast<int>(share.size());
}

}  // namespace sy
