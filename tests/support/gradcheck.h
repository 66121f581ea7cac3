// SPDX-License-Identifier: Apache-2.0
// Gradient checks in float64: central differences of a scalar function against a hand-written
// backward pass, element by element.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include "lib/tensor/exec.h"
#include "lib/tensor/memory.h"
#include "lib/tensor/tensor.h"
#include "tests/support/backend.h"

namespace sy::test {

// A tensor that owns its memory: zero-initialised, by default in memory of the backend under test.
class Owned {
 public:
  Owned(DType dtype, Shape shape) : Owned(dtype, shape, test_memory()) {}
  Owned(DType dtype, Shape shape, MemoryKind kind)
      : kind_(kind),
        memory_(kind, shape.numel() * static_cast<int64_t>(size_of(dtype)), "a test"),
        shape_(shape),
        dtype_(dtype) {}
  Owned(const Owned& other) : Owned(other.dtype_, other.shape_, other.kind_) {
    if (memory_.bytes() > 0) {
      std::memcpy(memory_.data(), other.memory_.data(), static_cast<size_t>(memory_.bytes()));
    }
  }
  Owned(Owned&&) = default;
  Owned& operator=(Owned other) {
    kind_ = other.kind_;
    memory_ = std::move(other.memory_);
    shape_ = other.shape_;
    dtype_ = other.dtype_;
    return *this;
  }
  Tensor tensor() { return Tensor(memory_.data(), dtype_, shape_); }
  operator Tensor() { return tensor(); }
  template <class T>
  T* data() {
    return tensor().data<T>();
  }

 private:
  MemoryKind kind_;
  Memory memory_;
  Shape shape_;
  DType dtype_;
};

// Deterministic, roughly normal numbers with mean 0, standard deviation `scale` and magnitude at
// most 3.5 `scale`, different for each seed. float32 or float64.
Owned random_tensor(DType dtype, Shape shape, uint64_t seed, double scale = 1.0);
Owned zeros(DType dtype, Shape shape);
Owned int_tensor(Shape shape, const std::vector<int32_t>& values);

// The result of kernels/grad_clip/grad_clip.h as an optimizer reads it: the factor for gradients,
// and whether to update.
Owned clip_tensor(double factor, bool apply = true);

// sum_i weight_i x_i in float64. It turns an op's output into a scalar whose gradient with respect
// to the output is `weight`.
double weighted_sum(Tensor x, Tensor weight);

// An Exec for tests: the backend under test, `threads` threads, `scratch_mib` MiB of scratch
// memory.
std::unique_ptr<Exec> make_exec(int threads = 2, int64_t scratch_mib = 64);

// The largest error of `gradient` (float64) against central differences of `loss` with respect to
// the elements of `input` (float64), relative to the largest entry of the gradient (or to 1 if that
// is smaller). Checks at most `max_elements`, evenly spread, or a dozen with CUDA. `loss` must
// rerun the forward pass from the current contents of `input`, which is changed temporarily.
double gradient_error(Tensor input, Tensor gradient, const std::function<double()>& loss,
                      double step = 1e-5, int64_t max_elements = 400);

// The bound for float64 gradient checks.
constexpr double kGradientTolerance = 1e-7;

}  // namespace sy::test
