// SPDX-License-Identifier: Apache-2.0
#include "kernels/cross_entropy/soft_cross_entropy.h"

#include <catch2/catch.hpp>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

Owned columns_of(Tensor x, int64_t first, int64_t count) {
  Owned part(x.dtype(), {x.rows(), count});
  for (int64_t i = 0; i < part.tensor().numel(); ++i) {
    set(part, i, at(x, i / count * x.cols() + first + i % count));
  }
  return part;
}

// Loss and gradient of equal shards of the vocabulary, all on one rank.
struct Soft {
  std::vector<Owned> losses;  // as every shard has it
  Owned gradient;             // of the whole vocabulary

  Soft(Exec& exec, Tensor logits, Tensor teacher, Tensor targets, const SoftScale& scale,
       int64_t shards = 1)
      : gradient(logits.dtype(), logits.shape()) {
    const int64_t rows = logits.rows(), cols = logits.cols() / shards;
    Owned gathered(DType::f64, {shards, rows, kSoftNumbers});
    for (int64_t s = 0; s < shards; ++s) {
      Owned mine = columns_of(logits, s * cols, cols), theirs = columns_of(teacher, s * cols, cols);
      soft_cross_entropy_shard(exec, gathered.tensor().at(s), mine, theirs, scale.temperature);
    }
    for (int64_t s = 0; s < shards; ++s) {
      Owned mine = columns_of(logits, s * cols, cols), part = columns_of(teacher, s * cols, cols);
      losses.emplace_back(logits.dtype(), Shape{rows});
      soft_cross_entropy_join(exec, losses.back(), part, mine, targets, gathered, scale);
      for (int64_t i = 0; i < rows * cols; ++i) {
        set(gradient, i / cols * logits.cols() + s * cols + i % cols, at(part, i));
      }
    }
  }
};

// The definition, of row r: -sum p log q.
struct Plain {
  std::vector<double> p, q;
  double log_z = 0;

  Plain(Tensor logits, Tensor teacher, int64_t r, double temperature)
      : p(softmax(teacher, r, temperature)), q(softmax(logits, r, temperature)) {
    double sum = 0;
    for (int64_t i = 0; i < logits.cols(); ++i) {
      sum += std::exp(at(logits, r * logits.cols() + i) / temperature);
    }
    log_z = std::log(sum);
  }
  double loss() const {
    double total = 0;
    for (size_t i = 0; i < p.size(); ++i) total -= p[i] * std::log(q[i]);
    return total;
  }
  static std::vector<double> softmax(Tensor x, int64_t r, double temperature) {
    std::vector<double> all;
    double sum = 0;
    for (int64_t i = 0; i < x.cols(); ++i) {
      all.push_back(std::exp(at(x, r * x.cols() + i) / temperature));
      sum += all.back();
    }
    for (double& each : all) each /= sum;
    return all;
  }
};

TEST_CASE("soft_cross_entropy: a row worked by hand", "[soft_cross_entropy]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  // At temperature 2 the student has 1/4, 3/4 and the teacher 1/2, 1/2; the second row is padding.
  Owned logits = tensor_of(dtype, {2, 2}, {0, 2 * std::log(3), 1, 5});
  Owned teacher = tensor_of(dtype, {2, 2}, {7, 7, 3, 1});
  const Soft soft(*exec, logits, teacher, int_tensor({2}, {1, kPadId}), {2.0, 10.0});
  Owned loss = soft.losses[0], gradient = soft.gradient;
  CHECK(at(loss, 0) == Approx(0.5 * std::log(4) + 0.5 * std::log(4.0 / 3)));
  CHECK(largest_difference(gradient, tensor_of(dtype, {2, 2}, {-5, 5, 0, 0})) < 1e-5);
  CHECK(at(loss, 1) == 0);
}

TEST_CASE("soft_cross_entropy: loss by its definition, and its gradient", "[soft_cross_entropy]") {
  auto exec = make_exec();
  const auto [vocab, shards] = GENERATE(std::pair<int64_t, int64_t>{2, 1}, std::pair{7, 1},
                                        std::pair{136, 1}, std::pair{8, 2}, std::pair{132, 4});
  const double temperature = GENERATE(1.0, 0.5, 3.0), z = GENERATE(0.0, 0.2);
  constexpr int64_t kRows = 4;
  Owned logits = random_tensor(DType::f64, {kRows, vocab}, 1, 2.0);
  Owned teacher = random_tensor(DType::f64, {kRows, vocab}, 2, 2.0);
  Owned targets = int_tensor({kRows}, {1, kPadId, 1, 1});
  const Soft soft(*exec, logits, teacher, targets, {temperature, 0.3, z}, shards);
  const auto row = [&](int64_t r) { return Plain(logits, teacher, r, temperature); };
  for (Owned loss : soft.losses) {
    for (int64_t r = 0; r < kRows; ++r) {
      CHECK(at(loss, r) == Approx(r == 1 ? 0.0 : row(r).loss()).epsilon(1e-12));
    }
  }
  CHECK(gradient_error(logits, Owned(soft.gradient), [&] {
          double total = 0;
          for (const int64_t r : {0, 2, 3}) {
            const Plain plain = row(r);
            total += plain.loss() + z * plain.log_z * plain.log_z;
          }
          return 0.3 * temperature * temperature * total;
        }) < kGradientTolerance);
}

TEST_CASE("soft_cross_entropy: the teacher's own logits have no gradient", "[soft_cross_entropy]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const double temperature = GENERATE(1.0, 0.7, 4.0);
  const int64_t shards = GENERATE(1, 3);
  Owned logits = random_tensor(dtype, {3, 3000}, 1, 4.0), targets = int_tensor({3}, {1, 2, 3});
  const Soft soft(*exec, logits, logits, targets, {temperature, 1.0}, shards);
  Owned gradient = soft.gradient;
  // What rounding leaves of a product minus itself, of probabilities up to 1.
  CHECK(largest_difference(gradient, zeros(dtype, {3, 3000})) <
        temperature * (dtype == DType::f32 ? 1e-7 : 1e-15));
}

TEST_CASE("soft_cross_entropy: a whole vocabulary in float32 agrees with float64",
          "[soft_cross_entropy]") {
  constexpr int64_t kVocab = 32128;
  auto exec = make_exec();
  const int64_t shards = GENERATE(1, 2);
  Owned targets = int_tensor({2}, {5, 7});
  Owned logits = random_tensor(DType::f32, {2, kVocab}, 1, 4.0), wide(DType::f64, {2, kVocab});
  Owned teacher = random_tensor(DType::f32, {2, kVocab}, 2, 4.0), wide_t(DType::f64, {2, kVocab});
  for (int64_t i = 0; i < 2 * kVocab; ++i) {
    set(wide, i, at(logits, i));
    set(wide_t, i, at(teacher, i));
  }
  const Soft soft(*exec, logits, teacher, targets, {2.0, 1.0}, shards);
  const Soft exact(*exec, wide, wide_t, targets, {2.0, 1.0});
  Owned loss = soft.losses[0], exact_loss = exact.losses[0];
  CHECK(largest_difference(loss, exact_loss) < 1e-5);
  Owned gradient = soft.gradient, exact_gradient = exact.gradient;
  CHECK(largest_difference(gradient, exact_gradient) < 1e-8);
}

// The student is certain of what the teacher excludes, and of what it is certain of. (Constants of
// the file: GCC 12 gives the address sanitizer a wrong address for such lists within the test.)
const std::vector<double> kCertain = {-1e4, 1e4, 0, 0, 0, 0, 0, 1e4};
const std::vector<double> kTeacher = {0, -1e4, 1e4, 0, -1e30, -1e30, -1e30, 0};
const std::vector<double> kGradient = {0, 1, -1, 0, 0, 0, 0, 0};

TEST_CASE("soft_cross_entropy: extreme logits", "[soft_cross_entropy]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t shards = GENERATE(1, 2);
  Owned logits = tensor_of(dtype, {2, 4}, kCertain), teacher = tensor_of(dtype, {2, 4}, kTeacher);
  const Soft soft(*exec, logits, teacher, int_tensor({2}, {1, 1}), {1.0, 1.0}, shards);
  Owned loss = soft.losses[0], gradient = soft.gradient;
  CHECK(at(loss, 0) == Approx(1e4));
  CHECK(at(loss, 1) == 0);
  CHECK(largest_difference(gradient, tensor_of(dtype, {2, 4}, kGradient)) < 1e-6);
}

TEST_CASE("soft_cross_entropy: a NaN logit shows in every rank's loss", "[soft_cross_entropy]") {
  auto exec = make_exec();
  Owned logits = random_tensor(DType::f32, {1, 300}, 1), teacher = logits;
  set(GENERATE(true, false) ? logits : teacher, 200, NAN);
  const Soft soft(*exec, logits, teacher, int_tensor({1}, {5}), {1.0, 1.0}, 3);
  for (Owned loss : soft.losses) CHECK(std::isnan(at(loss, 0)));
}

TEST_CASE("soft_cross_entropy: the same bits for any number of threads", "[soft_cross_entropy]") {
  Owned targets = int_tensor({7}, {1, 2, 0, 4, 5, 6, 7});
  Owned logits = random_tensor(DType::f32, {7, 3000}, 1);
  Owned teacher = random_tensor(DType::f32, {7, 3000}, 2);
  CHECK(same_for_any_threads(Owned(DType::f32, {7, 3000}), [&](Exec& exec, Tensor out) {
    Soft soft(exec, logits, teacher, targets, {2.0, 0.125}, 2);
    std::memcpy(out.raw(), soft.gradient.tensor().raw(), static_cast<size_t>(out.bytes()));
  }));
}

TEST_CASE("soft_cross_entropy: no rows, and wrong arguments", "[soft_cross_entropy]") {
  auto exec = make_exec();
  Owned none(DType::f32, {0, 4});
  const Soft empty(*exec, none, none, Owned(DType::i32, {0}), {1.0, 1.0});
  Owned logits(DType::f32, {1, 4}), other(DType::f32, {1, 5}), numbers(DType::f64, {1, 5});
  CHECK_THROWS_AS(soft_cross_entropy_shard(*exec, numbers, logits, other, 1.0), InternalError);
  CHECK_THROWS_AS(soft_cross_entropy_shard(*exec, numbers, logits, logits, 0.0), InternalError);
  CHECK_THROWS_AS(soft_cross_entropy_shard(*exec, Owned(DType::f64, {1, 3}), logits, logits, 1.0),
                  InternalError);
}

}  // namespace
}  // namespace sy
