// Gradient checks in float64: central differences of a scalar function against a hand-written
// backward, element by element.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <memory>

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy::test {

// Owns the memory of a tensor in a test.
class Owned {
 public:
  Owned(DType dtype, Shape shape) : shape_(shape), dtype_(dtype) {
    memory_.resize(static_cast<size_t>(shape.numel()) + 8);
  }
  Tensor tensor() { return Tensor(memory_.data(), dtype_, shape_); }
  operator Tensor() { return tensor(); }
  template <class T>
  T* data() {
    return tensor().data<T>();
  }

 private:
  std::vector<double> memory_;  // wide enough for any dtype
  Shape shape_;
  DType dtype_;
};

// Deterministic normal-like numbers in about [-2, 2], different for each seed; float32 or float64.
Owned random_tensor(DType dtype, Shape shape, uint64_t seed, double scale = 1.0);
Owned zeros(DType dtype, Shape shape);
Owned int_tensor(Shape shape, const std::vector<int32_t>& values);

// sum_i weight_i x_i in float64: makes a scalar of an op's output, `weight` being the output's
// gradient.
double weighted_sum(Tensor x, Tensor weight);

// An Exec for tests: CPU, `threads` threads, `scratch_mib` of scratch.
std::unique_ptr<Exec> make_exec(int threads = 2, int64_t scratch_mib = 64);

// Largest error of `gradient` (float64) against central differences of `loss` in the elements of
// `input` (float64), relative to the largest entry of the gradient (or 1 if that is smaller).
// Checks at most `max_elements`, evenly spread. `loss` reruns forward from the current contents.
double gradient_error(Tensor input, Tensor gradient, const std::function<double()>& loss,
                      double step = 1e-5, int64_t max_elements = 400);

// What a float64 gradient check must stay under.
constexpr double kGradientTolerance = 1e-7;

}  // namespace sy::test
