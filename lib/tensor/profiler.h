// SPDX-License-Identifier: Apache-2.0
// Time spent in named parts of the step ("gemm", "attention", ...). Profiling is off by default and
// then reads no clock. If scopes nest, the time belongs to the outermost one alone. What a part's
// time means depends on the clock passed to enable() (make_part_clock() in exec.h returns the
// exec's):
//   none    host wall time from a scope's begin to its end. Correct on the CPU, where an op has
//           finished computing when it returns.
//   a GPU's time on the exec's compute stream from reaching a scope's begin to finishing everything
//           queued inside it. Known once that has finished and collect() was called. Includes
//           kernels and whatever the stream waits for between them: a collective, if the scope
//           surrounds its wait(), and the host, where it does not keep ahead of the GPU.
// Time between scopes belongs to no part.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

namespace sy {

enum class Part : uint8_t {
  gemm,
  attention,
  norm,
  activation,
  dropout,
  embedding,
  router,
  dispatch,
  loss,
  optimizer,
  communication,
  other,
  kCount
};

constexpr const char* name_of(Part part) {
  constexpr const char* kNames[] = {"gemm",    "attention", "norm",          "activation",
                                    "dropout", "embedding", "router",        "dispatch",
                                    "loss",    "optimizer", "communication", "other"};
  return kNames[static_cast<int>(part)];
}

using PartSeconds = std::array<double, static_cast<size_t>(Part::kCount)>;

// Times consecutive scopes where the host's clock cannot.
class PartClock {
 public:
  virtual ~PartClock() = default;
  virtual void begin(Part part) = 0;
  virtual void end() noexcept = 0;  // the next collect() throws if this fails

  // Adds the times of the scopes since the last call. Every scope must have ended and its work must
  // be done. Does not wait.
  virtual void collect(PartSeconds& seconds) = 0;
};

class Profiler {
 public:
  // Starts timing scopes with `clock`, or with the host's clock if it is null.
  void enable(std::unique_ptr<PartClock> clock = nullptr) {
    enabled_ = true;
    clock_ = std::move(clock);
  }
  bool enabled() const { return enabled_; }

  // Adds what the clock has measured. Everything queued to the exec within scopes must be done, or
  // this throws InternalError. Does not wait.
  void collect() {
    if (clock_) clock_->collect(seconds_);
  }
  // Seconds since reset(); with a clock, as of the last collect().
  double seconds(Part part) const { return seconds_[static_cast<size_t>(part)]; }
  void reset() { seconds_ = {}; }

 private:
  friend class ProfileScope;
  using HostClock = std::chrono::steady_clock;

  void begin(Part part) {
    if (clock_) {
      clock_->begin(part);
    } else {
      part_ = part;
      start_ = HostClock::now();
    }
    inside_ = true;
  }
  void end() noexcept {
    if (clock_) {
      clock_->end();
    } else {
      const std::chrono::duration<double> spent = HostClock::now() - start_;
      seconds_[static_cast<size_t>(part_)] += spent.count();
    }
    inside_ = false;
  }

  bool enabled_ = false;
  bool inside_ = false;  // a scope is open
  Part part_ = Part::other;
  HostClock::time_point start_;
  std::unique_ptr<PartClock> clock_;
  PartSeconds seconds_{};
};

// Adds the duration of the enclosing block to a part.
class ProfileScope {
 public:
  ProfileScope(Profiler& profiler, Part part)
      : profiler_(profiler), counts_(profiler.enabled_ && !profiler.inside_) {
    if (counts_) profiler_.begin(part);
  }
  ~ProfileScope() {
    if (counts_) profiler_.end();
  }
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

 private:
  Profiler& profiler_;
  bool counts_;
};

}  // namespace sy
