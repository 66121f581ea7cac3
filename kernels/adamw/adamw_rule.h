// SPDX-License-Identifier: Apache-2.0
// AdamW's arithmetic, shared by both backends:
//   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
//   w -= lr (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + weight_decay w)
#pragma once

#include <cmath>

#include "kernels/adamw/adamw.h"
#include "lib/base/host_device.h"

namespace sy {

// The scalars of one step, in T. The gradient's factor is passed separately, because on CUDA it
// lies in device memory.
template <class T>
struct AdamWRule {
  T b1, b2, rest1, rest2, rate, correct, epsilon, shrink;

  explicit AdamWRule(const AdamWStep& step) {
    const double t = static_cast<double>(step.step);
    b1 = static_cast<T>(step.beta1);
    b2 = static_cast<T>(step.beta2);
    rest1 = static_cast<T>(1.0 - step.beta1);
    rest2 = static_cast<T>(1.0 - step.beta2);
    rate = static_cast<T>(step.learning_rate / (1.0 - std::pow(step.beta1, t)));
    correct = static_cast<T>(1.0 / (1.0 - std::pow(step.beta2, t)));
    epsilon = static_cast<T>(step.epsilon);
    shrink = static_cast<T>(1.0 - step.learning_rate * step.weight_decay);
  }

  SY_HOST_DEVICE void apply(T& w, T& m, T& v, T gradient) const {
    m = b1 * m + rest1 * gradient;
    v = b2 * v + rest2 * gradient * gradient;
    w = w * shrink - rate * m / (std::sqrt(v * correct) + epsilon);
  }
};

}  // namespace sy
