// Gradient checks in float64: central differences of a scalar function against a hand-written
// backward, element by element.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <memory>

#include "lib/tensor/exec.h"
#include "lib/tensor/memory.h"
#include "lib/tensor/tensor.h"
#include "tests/support/backend.h"

namespace sy::test {

// Owns the memory of a tensor in a test: zeroed, and of the backend under test.
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

// Deterministic normal-like numbers in about [-2, 2], different for each seed; float32 or float64.
Owned random_tensor(DType dtype, Shape shape, uint64_t seed, double scale = 1.0);
Owned zeros(DType dtype, Shape shape);
Owned int_tensor(Shape shape, const std::vector<int32_t>& values);

// What kernels/grad_clip/grad_clip.h leaves for an optimiser: the gradient's factor, and whether to
// update.
Owned clip_tensor(double factor, bool apply = true);

// sum_i weight_i x_i in float64: makes a scalar of an op's output, `weight` being the output's
// gradient.
double weighted_sum(Tensor x, Tensor weight);

// An Exec for tests: of the backend under test, `threads` threads, `scratch_mib` of scratch.
std::unique_ptr<Exec> make_exec(int threads = 2, int64_t scratch_mib = 64);

// Largest error of `gradient` (float64) against central differences of `loss` in the elements of
// `input` (float64), relative to the largest entry of the gradient (or 1 if that is smaller).
// Checks at most `max_elements`, evenly spread; a dozen with CUDA. `loss` reruns forward from the
// current contents.
double gradient_error(Tensor input, Tensor gradient, const std::function<double()>& loss,
                      double step = 1e-5, int64_t max_elements = 400);

// What a float64 gradient check must stay under.
constexpr double kGradientTolerance = 1e-7;

}  // namespace sy::test
