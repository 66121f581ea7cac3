// Reports, while backward runs, which gradients are complete, so that their reduction can start.
#pragma once

#include <functional>

namespace sy {

// Called when the gradients of parameter number `first` and all later ones are complete on this
// rank, from the last parameters to the first.
using GradReady = std::function<void(int first)>;

// Walks down the parameters' numbers as backward does.
class GradProgress {
 public:
  GradProgress(const GradReady& ready, int params) : ready_(ready), last_(params) {}

  // Everything from number `first` on is complete.
  void complete_from(int first) {
    if (ready_ && first < last_) ready_(first);
    last_ = first;
  }

 private:
  const GradReady& ready_;
  int last_;
};

}  // namespace sy
