// SPDX-License-Identifier: Apache-2.0
// Reports during backward which gradients are complete, so that their reduction can overlap with
// the rest of it.
#pragma once

#include <functional>

namespace sy {

// Called when the gradients of parameter number `first` and of all later ones are complete on this
// rank. Numbers decrease from call to call.
using GradReady = std::function<void(int first)>;

// Tracks how far backward has come through the parameter numbers.
class GradProgress {
 public:
  GradProgress(const GradReady& ready, int params) : ready_(ready), last_(params) {}

  // All gradients from number `first` on are complete.
  void complete_from(int first) {
    if (ready_ && first < last_) ready_(first);
    last_ = first;
  }

 private:
  const GradReady& ready_;
  int last_;
};

}  // namespace sy
