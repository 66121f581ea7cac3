// SPDX-License-Identifier: Apache-2.0
#include "kernels/adafactor/adafactor.h"

#include <catch2/catch.hpp>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

using Numbers = std::vector<double>;

double rms(const Numbers& x) {
  double squares = 0;
  for (const double v : x) squares += v * v;
  return std::sqrt(squares / static_cast<double>(x.size()));
}

// Algorithms 4 (matrices) and 5 (vectors) of the paper with T5's settings, in float64, formula by
// formula: no shared sums and no passes.
struct Reference {
  size_t n, m;  // m is 0 for a vector
  Numbers value, row, col, second;

  Reference(size_t rows, size_t cols, Numbers start)
      : n(rows), m(cols), value(std::move(start)), row(n), col(m), second(n) {}

  Numbers direction(const Numbers& g, const AdafactorStep& s) {
    Numbers u(g.size());
    const auto mix = [&](double& old, double now) { old = s.decay * old + (1 - s.decay) * now; };
    if (m == 0) {
      for (size_t i = 0; i < n; ++i) {
        mix(second[i], g[i] * g[i] + s.epsilon);
        u[i] = g[i] / std::sqrt(second[i]);
      }
      return u;
    }
    for (size_t i = 0; i < n; ++i) {
      double total = 0;
      for (size_t j = 0; j < m; ++j) total += g[i * m + j] * g[i * m + j] + s.epsilon;
      mix(row[i], total / static_cast<double>(m));
    }
    for (size_t j = 0; j < m; ++j) {
      double total = 0;
      for (size_t i = 0; i < n; ++i) total += g[i * m + j] * g[i * m + j] + s.epsilon;
      mix(col[j], total / static_cast<double>(n));
    }
    double mean = 0;
    for (const double r : row) mean += r / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < m; ++j) {
        u[i * m + j] = g[i * m + j] / std::sqrt(row[i] * col[j] / mean);
      }
    }
    return u;
  }

  // Returns the update's RMS before clipping.
  double step(Numbers g, const AdafactorStep& s, double factor = 1) {
    for (double& v : g) v *= factor;
    const Numbers u = direction(g, s);
    const double rate = s.learning_rate * std::max(s.parameter_floor, rms(value));
    const double clip = std::max(1.0, rms(u) / s.update_clip);
    for (size_t i = 0; i < value.size(); ++i) {
      value[i] -= rate * u[i] / clip + s.learning_rate * s.weight_decay * value[i];
    }
    return rms(u);
  }
};

AdafactorStep step_of(int t, double weight_decay, Tensor factor = {}) {
  AdafactorStep step;
  step.learning_rate = 0.3;
  step.decay = 1 - std::pow(t, -0.8);
  step.weight_decay = weight_decay;
  step.clip = factor;
  return step;
}

void adafactor_matrix(Exec& exec, Tensor value, Tensor row, Tensor col, Tensor grad,
                      const AdafactorStep& step) {
  const AdafactorMatrix item{value, row, col, grad};
  adafactor_matrices(exec, std::span(&item, 1), step);
}

void adafactor_vector(Exec& exec, Tensor value, Tensor second, Tensor grad,
                      const AdafactorStep& step) {
  const AdafactorVector item{value, second, grad};
  adafactor_vectors(exec, std::span(&item, 1), step);
}

// Gradients whose sizes differ widely between steps, so that some updates are clipped and some are
// not; in a batch of more than one, the last one's gradient is always zero.
Owned gradient_of(DType dtype, Shape shape, int t) {
  Owned grad = random_tensor(dtype, shape, static_cast<uint64_t>(t), t == 3 ? 10.0 : 0.01 * t);
  if (shape[0] > 1) {
    const Tensor last = grad.tensor().at(shape[0] - 1);
    for (int64_t i = 0; i < last.numel(); ++i) set(last, i, 0);
  }
  return grad;
}

// Largest difference between tensor `x`, entry `e`, and numbers, relative to the largest number.
double apart(Tensor x, int64_t e, const Numbers& expected) {
  double largest = 1e-300;
  for (const double v : expected) largest = std::max(largest, std::abs(v));
  const auto count = static_cast<int64_t>(expected.size());
  return largest_difference(x.slice(e, 1), tensor_of(DType::f64, {count}, expected)) / largest;
}

TEST_CASE("adafactor: matrices agree with the paper's algorithm over steps", "[adafactor]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const Shape shape = GENERATE(Shape{1, 5, 7}, Shape{3, 70, 130}, Shape{2, 1, 4}, Shape{1, 130, 1},
                               Shape{4, 64, 300}, Shape{1, 1, 1}, Shape{0, 3, 4}, Shape{2, 0, 3},
                               Shape{1, 1200, 3}, Shape{2, 3, 1204});
  const auto [weight_decay, scale] = GENERATE(std::pair{0.0, 1.0}, std::pair{0.02, 0.125});
  Owned factor = clip_tensor(scale);
  const int64_t batch = shape[0], n = shape[1], m = shape[2];
  auto exec = make_exec();
  Owned value = random_tensor(dtype, shape, 77, 0.1);
  Owned row = zeros(dtype, {batch, n}), col = zeros(dtype, {batch, m});
  std::vector<Reference> references;
  for (int64_t e = 0; e < batch; ++e) {
    references.emplace_back(n, m, values_of(value.tensor().at(e)));
  }
  for (int t = 1; t <= 4; ++t) {
    const AdafactorStep step = step_of(t, weight_decay, factor);
    Owned grad = gradient_of(dtype, shape, t);
    adafactor_matrix(*exec, value, row, col, grad, step);
    for (int64_t e = 0; e < batch; ++e) {
      references[static_cast<size_t>(e)].step(values_of(grad.tensor().at(e)), step, scale);
    }
  }
  const double tolerance = dtype == DType::f64 ? 1e-12 : 1e-5;
  for (int64_t e = 0; e < batch && n > 0; ++e) {
    const Reference& reference = references[static_cast<size_t>(e)];
    CHECK(apart(value, e, reference.value) < tolerance);
    CHECK(apart(row, e, reference.row) < tolerance);
    CHECK(apart(col, e, reference.col) < tolerance);
  }
}

TEST_CASE("adafactor: vectors agree with the paper's algorithm over steps", "[adafactor]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const Shape shape = GENERATE(Shape{1, 5}, Shape{3, 70}, Shape{2, 1}, Shape{0, 3}, Shape{2, 9001},
                               Shape{1, 140000});
  const auto [weight_decay, scale] = GENERATE(std::pair{0.0, 1.0}, std::pair{0.02, 0.125});
  Owned factor = clip_tensor(scale);
  auto exec = make_exec();
  Owned value = random_tensor(dtype, shape, 77, 0.1), second = zeros(dtype, shape);
  std::vector<Reference> references;
  for (int64_t e = 0; e < shape[0]; ++e) {
    references.emplace_back(shape[1], 0, values_of(value.tensor().at(e)));
  }
  for (int t = 1; t <= 4; ++t) {
    const AdafactorStep step = step_of(t, weight_decay, factor);
    Owned grad = gradient_of(dtype, shape, t);
    adafactor_vector(*exec, value, second, grad, step);
    for (int64_t e = 0; e < shape[0]; ++e) {
      references[static_cast<size_t>(e)].step(values_of(grad.tensor().at(e)), step, scale);
    }
  }
  const double tolerance = dtype == DType::f64 ? 1e-12 : 1e-5;
  for (int64_t e = 0; e < shape[0]; ++e) {
    CHECK(apart(value, e, references[static_cast<size_t>(e)].value) < tolerance);
    CHECK(apart(second, e, references[static_cast<size_t>(e)].second) < tolerance);
  }
}

TEST_CASE("adafactor: the test's gradients are clipped in some steps and not in others",
          "[adafactor]") {
  Reference reference(5, 7, values_of(random_tensor(DType::f64, {35}, 77, 0.1)));
  int clipped = 0;
  for (int t = 1; t <= 4; ++t) {
    clipped +=
        reference.step(values_of(gradient_of(DType::f64, {1, 5, 7}, t)), step_of(t, 0)) > 1.0;
  }
  CHECK(clipped > 0);
  CHECK(clipped < 4);
}

TEST_CASE("adafactor: zero gradients change nothing, and the floor lets zeros move",
          "[adafactor]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned value = random_tensor(dtype, {2, 3, 4}, 1), before = value, grad = zeros(dtype, {2, 3, 4});
  Owned row = zeros(dtype, {2, 3}), col = zeros(dtype, {2, 4});
  for (int t = 1; t <= 3; ++t) adafactor_matrix(*exec, value, row, col, grad, step_of(t, 0));
  CHECK(same_bits(value, before));

  // With entries of equal size, the gradient is its own direction, and the value moves by rate *
  // floor.
  Owned zero = zeros(dtype, {1, 2, 2}), even = tensor_of(dtype, {1, 2, 2}, {3, -3, 3, -3});
  Owned zero_row = zeros(dtype, {1, 2}), zero_col = zeros(dtype, {1, 2});
  adafactor_matrix(*exec, zero, zero_row, zero_col, even, step_of(1, 0));
  CHECK(largest_difference(zero, tensor_of(dtype, {1, 2, 2}, {-3e-4, 3e-4, -3e-4, 3e-4})) < 1e-9);
}

TEST_CASE("adafactor: an expert's step is independent of the others", "[adafactor]") {
  const Shape shape{5, 70, 33};
  auto exec = make_exec();
  Owned grad = random_tensor(DType::f32, shape, 1), value = random_tensor(DType::f32, shape, 2);
  Owned row = zeros(DType::f32, {5, 70}), col = zeros(DType::f32, {5, 33});
  Owned alone = value, alone_row = row, alone_col = col;
  const AdafactorStep step = step_of(1, 0.1);
  adafactor_matrix(*exec, value, row, col, grad, step);
  for (int64_t e = 0; e < 5; ++e) {
    adafactor_matrix(*exec, alone.tensor().slice(e, 1), alone_row.tensor().slice(e, 1),
                     alone_col.tensor().slice(e, 1), grad.tensor().slice(e, 1), step);
  }
  CHECK(same_bits(value, alone));
  CHECK(same_bits(row, alone_row));
  CHECK(same_bits(col, alone_col));
}

// A parameter, its second moment and its gradient, with their memory.
struct OwnedMatrix {
  Owned value, row, col, grad;

  OwnedMatrix(DType dtype, Shape shape, uint64_t seed)
      : value(random_tensor(dtype, shape, seed, 0.1)),
        row(zeros(dtype, {shape[0], shape[1]})),
        col(zeros(dtype, {shape[0], shape[2]})),
        grad(random_tensor(dtype, shape, seed + 1)) {}
  AdafactorMatrix item() { return {value, row, col, grad}; }
};

struct OwnedVector {
  Owned value, second, grad;

  OwnedVector(DType dtype, Shape shape, uint64_t seed)
      : value(random_tensor(dtype, shape, seed, 0.1)),
        second(zeros(dtype, shape)),
        grad(random_tensor(dtype, shape, seed + 1)) {}
  AdafactorVector item() { return {value, second, grad}; }
};

template <class OwnedItem>
std::vector<OwnedItem> owned_items(DType dtype, const std::vector<Shape>& shapes) {
  std::vector<OwnedItem> items;
  for (const Shape& shape : shapes) items.emplace_back(dtype, shape, 2 * items.size() + 1);
  return items;
}

template <class OwnedItem>
auto items_of(std::vector<OwnedItem>& owned) {
  std::vector<decltype(owned[0].item())> items;
  for (OwnedItem& item : owned) items.push_back(item.item());
  return items;
}

TEST_CASE("adafactor: a list of matrices gives the same bits as each alone", "[adafactor]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  // A batch of experts, a row, a column, an empty item, full tiles, and an item of many tiles.
  std::vector<Shape> shapes{{1, 70, 130}, {3, 5, 9},    {1, 1, 300}, {1, 65, 1}, {2, 0, 3},
                            {1, 64, 128}, {2, 130, 36}, {1, 1, 1},   {0, 3, 4}};
  if (dtype == DType::f32) shapes.insert(shapes.begin() + 3, Shape{1, 1800, 1900});
  for (int64_t i = 0; i < 40; ++i) shapes.push_back({1 + i % 2, 3 + i, 40 - i});
  auto together = owned_items<OwnedMatrix>(dtype, shapes);
  auto alone = owned_items<OwnedMatrix>(dtype, shapes);
  auto exec = make_exec();
  for (int t = 1; t <= 2; ++t) {
    adafactor_matrices(*exec, items_of(together), step_of(t, 0.1));
    for (OwnedMatrix& x : alone) {
      adafactor_matrix(*exec, x.value, x.row, x.col, x.grad, step_of(t, 0.1));
    }
  }
  for (size_t i = 0; i < shapes.size(); ++i) {
    CAPTURE(i, shapes[i].str());
    CHECK(same_bits(together[i].value, alone[i].value));
    CHECK(same_bits(together[i].row, alone[i].row));
    CHECK(same_bits(together[i].col, alone[i].col));
  }
}

TEST_CASE("adafactor: a list of vectors gives the same bits as each alone", "[adafactor]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  std::vector<Shape> shapes{{1, 5}, {3, 70}, {2, 1}, {0, 3}, {2, 9001}, {2, 0}, {1, 30000}};
  for (int64_t i = 0; i < 40; ++i) shapes.push_back({1 + i % 3, 500 - i});
  auto together = owned_items<OwnedVector>(dtype, shapes);
  auto alone = owned_items<OwnedVector>(dtype, shapes);
  auto exec = make_exec();
  for (int t = 1; t <= 2; ++t) {
    adafactor_vectors(*exec, items_of(together), step_of(t, 0.1));
    for (OwnedVector& x : alone)
      adafactor_vector(*exec, x.value, x.second, x.grad, step_of(t, 0.1));
  }
  for (size_t i = 0; i < shapes.size(); ++i) {
    CAPTURE(i, shapes[i].str());
    CHECK(same_bits(together[i].value, alone[i].value));
    CHECK(same_bits(together[i].second, alone[i].second));
  }
}

// Whether every element of `rounded` is that of `value`, rounded.
bool is_rounded(Tensor rounded, Tensor value) {
  for (int64_t i = 0; i < value.numel(); ++i) {
    const BFloat16 expected(static_cast<float>(at(value, i)));
    if (rounded.data<BFloat16>()[i].bits != expected.bits) return false;
  }
  return true;
}

TEST_CASE("adafactor: a rounded copy of the new values", "[adafactor]") {
  // Several waves on the CPU; whole and partial lanes of a tile.
  const Shape shape = GENERATE(Shape{5, 70, 36}, Shape{1, 65, 131}, Shape{2, 200, 128});
  auto exec = make_exec();
  OwnedMatrix with(DType::f32, shape, 1), without = with;
  OwnedVector vector(DType::f32, {shape[0], shape[1] * shape[2]}, 3);
  Owned copy(DType::bf16, shape), vector_copy(DType::bf16, vector.value.tensor().shape());
  AdafactorMatrix item = with.item();
  AdafactorVector of_vector = vector.item();
  item.rounded = copy;
  of_vector.rounded = vector_copy;
  adafactor_matrices(*exec, std::span(&item, 1), step_of(1, 0.1));
  adafactor_vectors(*exec, std::span(&of_vector, 1), step_of(1, 0.1));
  adafactor_matrix(*exec, without.value, without.row, without.col, without.grad, step_of(1, 0.1));
  CHECK(is_rounded(copy, with.value));
  CHECK(is_rounded(vector_copy, vector.value));
  CHECK(same_bits(with.value, without.value));
  item.rounded = with.grad;
  CHECK_THROWS_AS(adafactor_matrices(*exec, std::span(&item, 1), step_of(1, 0.1)), InternalError);
}

// The scratch of a list of `count` matrices [1, side, side].
int64_t scratch_of(size_t count, int64_t side) {
  Exec exec;
  use_test_backend(exec);
  exec.planning = true;
  const auto on = [](Shape shape) { return Tensor(nullptr, DType::f32, shape); };
  const Tensor matrix = on({1, side, side}), line = on({1, side});
  adafactor_matrices(exec, std::vector<AdafactorMatrix>(count, {matrix, line, line, matrix}), {});
  return exec.scratch.high_water();
}

TEST_CASE("adafactor: scratch is the largest wave's", "[adafactor]") {
  if (test_backend() == Backend::cpu) {
    CHECK(scratch_of(3, 1024) == scratch_of(1, 1024));
    return;
  }
  CHECK(scratch_of(2, 1024) > scratch_of(1, 1024));
  CHECK(scratch_of(32, 8) > scratch_of(31, 8));
  CHECK(scratch_of(70, 8) == scratch_of(32, 8));
}

TEST_CASE("adafactor: the same bits for any number of threads", "[adafactor]") {
  const Shape shape = GENERATE(Shape{1, 300, 50}, Shape{7, 40, 600});
  Owned grad = random_tensor(DType::f32, shape, 1);
  CHECK(same_for_any_threads(random_tensor(DType::f32, shape, 2), [&](Exec& exec, Tensor value) {
    Owned row = zeros(DType::f32, {shape[0], shape[1]});
    Owned col = zeros(DType::f32, {shape[0], shape[2]});
    adafactor_matrix(exec, value, row, col, grad, step_of(1, 0.1));
  }));
}

TEST_CASE("adafactor: scratch taken while planning is enough", "[adafactor]") {
  const int threads = GENERATE(1, 4);
  const Shape shape{3, 100, 20};
  Exec exec;
  use_test_backend(exec);
  exec.threads = threads;
  exec.planning = true;
  const auto on = [](Shape s) { return Tensor(nullptr, DType::f32, s); };
  adafactor_matrix(exec, on(shape), on({3, 100}), on({3, 20}), on(shape), {});
  exec.planning = false;
  exec.scratch.allocate(exec.scratch.high_water(), exec.memory);
  Owned value = random_tensor(DType::f32, shape, 1), grad = random_tensor(DType::f32, shape, 2);
  Owned row = zeros(DType::f32, {3, 100}), col = zeros(DType::f32, {3, 20});
  adafactor_matrix(exec, value, row, col, grad, step_of(1, 0));
  CHECK(exec.scratch.top() == 0);
}

TEST_CASE("adafactor: a skipped update changes nothing", "[adafactor]") {
  auto exec = make_exec();
  Owned clip = clip_tensor(0.5, false), grad = random_tensor(DType::f32, {2, 5, 7}, 1);
  Owned value = random_tensor(DType::f32, {2, 5, 7}, 2), before = value;
  Owned row = zeros(DType::f32, {2, 5}), col = zeros(DType::f32, {2, 7});
  const AdafactorStep step = step_of(1, 0.1, clip);
  adafactor_matrix(*exec, value, row, col, grad, step);
  CHECK(same_bits(value, before));
  CHECK(same_bits(row, zeros(DType::f32, {2, 5})));
  Owned second = zeros(DType::f32, {2, 35});
  adafactor_vector(*exec, value.tensor().view({2, 35}), second, grad.tensor().view({2, 35}), step);
  CHECK(same_bits(value, before));
  CHECK(same_bits(second, zeros(DType::f32, {2, 35})));
}

TEST_CASE("adafactor: wrong shapes", "[adafactor]") {
  auto exec = make_exec();
  Owned x(DType::f32, {1, 2, 3}), two(DType::f32, {1, 2}), three(DType::f32, {1, 3});
  CHECK_THROWS_AS(adafactor_matrix(*exec, x, three, two, x, {}), InternalError);
  CHECK_THROWS_AS(adafactor_vector(*exec, two, three, two, {}), InternalError);
  OwnedVector narrow(DType::f32, {1, 3}, 1), wide(DType::f64, {1, 3}, 1);
  CHECK_THROWS_AS(
      adafactor_vectors(*exec, std::vector<AdafactorVector>{narrow.item(), wide.item()}, {}),
      InternalError);
}

}  // namespace
}  // namespace sy
