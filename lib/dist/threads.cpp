// SPDX-License-Identifier: Apache-2.0
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "lib/dist/mpi/mpi_environment.h"

namespace sy {
namespace {

// A CPU mask large enough for any machine.
class CoreSet {
 public:
  static constexpr int kCores = 8192;

  CoreSet() : set_(CPU_ALLOC(kCores), [](cpu_set_t* set) { CPU_FREE(set); }) {
    CPU_ZERO_S(bytes(), set_.get());
  }
  void add(int core) { CPU_SET_S(static_cast<size_t>(core), bytes(), set_.get()); }
  bool has(int core) const {
    return CPU_ISSET_S(static_cast<size_t>(core), bytes(), set_.get()) != 0;
  }
  bool apply() const { return sched_setaffinity(0, bytes(), set_.get()) == 0; }

  static std::vector<int> current() {
    CoreSet set;
    std::vector<int> cores;
    if (sched_getaffinity(0, bytes(), set.set_.get()) != 0) return {0};
    for (int core = 0; core < kCores; ++core) {
      if (set.has(core)) cores.push_back(core);
    }
    return cores;
  }

 private:
  static size_t bytes() { return CPU_ALLOC_SIZE(kCores); }

  std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set_;
};

bool bind(const std::vector<int>& cores) {
  CoreSet set;
  for (const int core : cores) set.add(core);
  return set.apply();
}

// Removes the binding that mpirun set and returns the cores that remain. Asking for every core
// yields those that the job (its cgroup) may use.
std::vector<int> unbind() {
  CoreSet all;
  for (int core = 0; core < CoreSet::kCores; ++core) all.add(core);
  all.apply();
  return CoreSet::current();
}

int threads_from_environment() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  return text == nullptr ? 0 : std::max(0, std::atoi(text));
}

}  // namespace

int choose_threads(const MpiEnvironment& mpi, int configured) {
  const int asked = threads_from_environment() > 0 ? threads_from_environment() : configured;
  if (asked > 0) {
    // Otherwise the threads would share too few cores.
    if (asked > static_cast<int>(CoreSet::current().size())) unbind();
    return asked;
  }
  const std::vector<int> cores = unbind();
  const size_t ranks = static_cast<size_t>(mpi.local_size());
  if (cores.size() < ranks) return 1;
  const size_t rank = static_cast<size_t>(mpi.local_rank());
  const auto edge = [&](size_t r) {
    return cores.begin() + static_cast<std::ptrdiff_t>(r * cores.size() / ranks);
  };
  const std::vector<int> share(edge(rank), edge(rank + 1));
  bind(share);
  return static_cast<int>(share.size());
}

}  // namespace sy
