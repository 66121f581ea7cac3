// SPDX-License-Identifier: Apache-2.0
#include "tests/support/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/grad_clip/grad_clip.h"
#include "lib/base/random.h"

namespace sy::test {
namespace {

// CUDA kernels executed on the host take a thousand times as long as on a GPU. The CPU backend,
// which has the same arithmetic, is checked element by element.
int64_t most_checked() {
  return test_backend() == Backend::cuda ? 12 : std::numeric_limits<int64_t>::max();
}

}  // namespace

Owned zeros(DType dtype, Shape shape) {
  return Owned(dtype, shape);
}

Owned random_tensor(DType dtype, Shape shape, uint64_t seed, double scale) {
  Owned owned(dtype, shape);
  const RandomKey key{seed, 0, 0xFFFF};
  for (int64_t i = 0; i < shape.numel(); ++i) {
    double value = -2;
    for (uint64_t draw = 0; draw < 4; ++draw) {
      value += random_uniform(key, static_cast<uint64_t>(i) * 4 + draw);
    }
    value *= scale * std::sqrt(3.0);
    if (dtype == DType::f64) {
      owned.data<double>()[i] = value;
    } else {
      owned.data<float>()[i] = static_cast<float>(value);
    }
  }
  return owned;
}

Owned int_tensor(Shape shape, const std::vector<int32_t>& values) {
  Owned owned(DType::i32, shape);
  SY_CHECK(static_cast<int64_t>(values.size()) == shape.numel(), "{} values for {}", values.size(),
           shape.str());
  std::copy(values.begin(), values.end(), owned.data<int32_t>());
  return owned;
}

Owned clip_tensor(double factor, bool apply) {
  Owned clip(DType::f64, {kStepScalars});
  clip.data<double>()[kGradientScale] = factor;
  clip.data<double>()[kApplyUpdate] = apply ? 1 : 0;
  return clip;
}

double weighted_sum(Tensor x, Tensor weight) {
  double total = 0;
  for (int64_t i = 0; i < x.numel(); ++i) total += x.data<double>()[i] * weight.data<double>()[i];
  return total;
}

std::unique_ptr<Exec> make_exec(int threads, int64_t scratch_mib) {
  auto exec = std::make_unique<Exec>();
  exec->threads = threads;
  use_test_backend(*exec);
  exec->scratch.allocate(scratch_mib << 20, exec->memory);
  return exec;
}

double gradient_error(Tensor input, Tensor gradient, const std::function<double()>& loss,
                      double step, int64_t max_elements) {
  const int64_t count = input.numel();
  double largest = 1.0, worst = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::abs(gradient.data<double>()[i]));
  }
  const int64_t checked = std::min(max_elements, most_checked());
  const int64_t stride = std::max<int64_t>(1, count / checked);
  for (int64_t i = 0; i < count; i += stride) {
    double& element = input.data<double>()[i];
    const double kept = element;
    element = kept + step;
    const double above = loss();
    element = kept - step;
    const double below = loss();
    element = kept;
    const double numeric = (above - below) / (2 * step);
    worst = std::max(worst, std::abs(numeric - gradient.data<double>()[i]) / largest);
  }
  return worst;
}

}  // namespace sy::test
