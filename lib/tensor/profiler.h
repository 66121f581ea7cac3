// Wall time by named part of the step ("gemm", "attention", ...). Off by default and then free of
// clock reads. Where blocks nest, the time belongs to the outermost alone.
#pragma once

#include <chrono>
#include <cstdint>

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

class Profiler {
 public:
  bool enabled = false;
  double seconds(Part part) const { return seconds_[static_cast<int>(part)]; }
  void add(Part part, double seconds) { seconds_[static_cast<int>(part)] += seconds; }
  void reset() { *this = Profiler{enabled}; }

  explicit Profiler(bool on = false) : enabled(on) {}

 private:
  friend class ProfileScope;
  bool inside_ = false;  // a scope is open
  double seconds_[static_cast<int>(Part::kCount)] = {};
};

// Adds the block's time to a part.
class ProfileScope {
 public:
  ProfileScope(Profiler& profiler, Part part)
      : profiler_(profiler), part_(part), counts_(profiler.enabled && !profiler.inside_) {
    if (!counts_) return;
    profiler_.inside_ = true;
    start_ = std::chrono::steady_clock::now();
  }
  ~ProfileScope() {
    if (!counts_) return;
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
    profiler_.add(part_, spent.count());
    profiler_.inside_ = false;
  }
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

 private:
  Profiler& profiler_;
  Part part_;
  bool counts_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace sy
