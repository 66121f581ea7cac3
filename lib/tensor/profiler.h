// Time by named part of the step ("gemm", "attention", ...). Off by default and then free of clock
// reads. Where scopes nest, the time belongs to the outermost alone. What a part's time is depends
// on the clock that enable() is given (part_clock.h makes the exec's):
//   none       wall time of the host from a scope's begin to its end: right on the CPU, where an op
//              has computed when it returns
//   a GPU's    time on the exec's compute stream from where it reached a scope's begin to where it
//              had done everything queued inside, known once that is done and collect() was called:
//              kernels, and what the stream waits for between them. That is a collective in a scope
//              around its wait(); and the host, where that does not keep ahead of the GPU
// What no scope covers, between them, is no part's.
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

// Times scopes that follow one another, where the host's clock cannot.
class PartClock {
 public:
  virtual ~PartClock() = default;
  virtual void begin(Part part) = 0;
  virtual void end() noexcept = 0;  // a failure is thrown by the next collect()

  // Adds what the scopes since the last call took; each is ended and done. Does not wait.
  virtual void collect(PartSeconds& seconds) = 0;
};

class Profiler {
 public:
  // Scopes are timed from here on: by `clock`, or by the host's where it is null.
  void enable(std::unique_ptr<PartClock> clock = nullptr) {
    enabled_ = true;
    clock_ = std::move(clock);
  }
  bool enabled() const { return enabled_; }

  // Takes over what the clock has measured. Everything that the exec was given in a scope must be
  // done, else this throws InternalError. Does not wait.
  void collect() {
    if (clock_) clock_->collect(seconds_);
  }
  // Since reset(); with a clock, as of collect().
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

// Adds the block's time to a part.
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
