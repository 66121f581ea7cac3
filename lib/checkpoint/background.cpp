// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/background.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace sy::checkpoint {
namespace {

constexpr int kNicer = 14, kNicest = 19;

// On Linux a nice value belongs to a thread. A system that refuses costs speed and nothing else.
void step_back() {
  const auto thread = static_cast<id_t>(gettid());
  const int nice = getpriority(PRIO_PROCESS, thread);
  setpriority(PRIO_PROCESS, thread, std::min(nice + kNicer, kNicest));
}

}  // namespace

std::future<void> in_background(WritePace pace, std::function<void()> work) {
  return std::async(std::launch::async, [pace, work = std::move(work)] {
    if (pace == WritePace::beside_training) step_back();
    work();
  });
}

}  // namespace sy::checkpoint
