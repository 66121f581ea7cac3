// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/background.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

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
  std::promise<void> promise;
  std::future<void> done = promise.get_future();
  std::thread([pace, work = std::move(work), promise = std::move(promise)]() mutable {
    if (pace == WritePace::beside_training) step_back();
    try {
      work();
      promise.set_value();
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  }).detach();
  return done;
}

}  // namespace sy::checkpoint
