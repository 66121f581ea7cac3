// SPDX-License-Identifier: Apache-2.0
#include "lib/base/core_set.h"

#include <sched.h>

#include <memory>

namespace sy {
namespace {

constexpr int kCores = 8192;  // enough for any machine; a plain cpu_set_t has 1,024
const size_t kBytes = CPU_ALLOC_SIZE(kCores);

struct Free {
  void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};
using CoreSet = std::unique_ptr<cpu_set_t, Free>;

CoreSet no_cores() {
  CoreSet set(CPU_ALLOC(kCores));
  CPU_ZERO_S(kBytes, set.get());
  return set;
}

}  // namespace

std::vector<int> cores_of(pid_t process) {
  const CoreSet set = no_cores();
  std::vector<int> cores;
  if (sched_getaffinity(process, kBytes, set.get()) != 0) return cores;
  for (int core = 0; core < kCores; ++core) {
    if (CPU_ISSET_S(static_cast<size_t>(core), kBytes, set.get()) != 0) cores.push_back(core);
  }
  return cores;
}

void bind_to(const std::vector<int>& cores) {
  const CoreSet set = no_cores();
  for (const int core : cores) CPU_SET_S(static_cast<size_t>(core), kBytes, set.get());
  sched_setaffinity(0, kBytes, set.get());
}

}  // namespace sy
