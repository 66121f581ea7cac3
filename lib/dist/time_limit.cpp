// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/time_limit.h"

#include <chrono>
#include <future>
#include <thread>

namespace sy {

bool run_within(double seconds, std::function<void()> work) {
  std::promise<void> promise;
  const std::future<void> done = promise.get_future();
  std::thread([work = std::move(work), promise = std::move(promise)]() mutable {
    work();
    promise.set_value();
  }).detach();
  return done.wait_for(std::chrono::duration<double>(seconds)) == std::future_status::ready;
}

}  // namespace sy
