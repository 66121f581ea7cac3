// SPDX-License-Identifier: Apache-2.0
// What the time of a process is spent on. Every moment belongs to one activity, so that the seconds
// of all of them add up to those that have passed. The clock is steady: setting the time of day
// changes nothing.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace sy {

enum class Activity : uint8_t { starting, training, waiting_for_data, evaluating, saving };
constexpr size_t kActivities = 5;
constexpr const char* name_of(Activity activity) {
  constexpr const char* kNames[] = {"starting", "training", "waiting_for_data", "evaluating",
                                    "saving"};
  return kNames[static_cast<size_t>(activity)];
}

// By Activity.
using ActivitySeconds = std::array<double, kActivities>;

class ActivityClock {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  static Moment now() { return std::chrono::steady_clock::now(); }

  // Begins with Activity::starting.
  explicit ActivityClock(Moment begin = now()) : since_(begin) {}

  // Ends the present activity and begins another. Returns the one that ended.
  Activity turn_to(Activity next, Moment at = now()) {
    seconds_ = seconds(at);
    since_ = at;
    return std::exchange(activity_, next);
  }
  // Up to `at`, including the present activity.
  ActivitySeconds seconds(Moment at = now()) const {
    ActivitySeconds all = seconds_;
    all[static_cast<size_t>(activity_)] += std::chrono::duration<double>(at - since_).count();
    return all;
  }

 private:
  Activity activity_ = Activity::starting;
  Moment since_;  // when it began
  ActivitySeconds seconds_{};
};

// An activity for the enclosing block. Afterwards the one before goes on.
class Spending {
 public:
  Spending(ActivityClock& clock, Activity activity)
      : clock_(clock), before_(clock.turn_to(activity)) {}
  ~Spending() { clock_.turn_to(before_); }
  Spending(const Spending&) = delete;
  Spending& operator=(const Spending&) = delete;

 private:
  ActivityClock& clock_;
  Activity before_;
};

}  // namespace sy
