// SPDX-License-Identifier: Apache-2.0
#include "kernels/cross_entropy/cross_entropy_shard.h"

#include <catch2/catch.hpp>

#include "kernels/cross_entropy/cross_entropy.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

// The columns [first, first + count) of a matrix.
Owned columns_of(Tensor x, int64_t first, int64_t count) {
  Owned part(x.dtype(), {x.rows(), count});
  for (int64_t i = 0; i < part.tensor().numel(); ++i) {
    set(part, i, at(x, i / count * x.cols() + first + i % count));
  }
  return part;
}

// All shards on one rank: loss and gradient, in place or in bfloat16, of equal shards of `logits`.
struct Sharded {
  std::vector<Owned> gradients;
  std::vector<Owned> losses, squares;

  Sharded(Exec& exec, Tensor logits, Tensor targets, int64_t shards, double scale,
          DType gradient_dtype, double z = 0) {
    const int64_t rows = logits.rows(), vocab = logits.cols(), cols = vocab / shards;
    Owned gathered(DType::f64, {shards, rows, kShardNumbers});
    std::vector<Owned> parts;
    for (int64_t s = 0; s < shards; ++s) {
      parts.push_back(columns_of(logits, s * cols, cols));
      cross_entropy_shard(exec, gathered.tensor().at(s), parts.back(), targets, {s * cols, vocab});
    }
    for (int64_t s = 0; s < shards; ++s) {
      losses.emplace_back(logits.dtype(), Shape{rows});
      squares.emplace_back(logits.dtype(), Shape{rows});
      Owned& part = parts[static_cast<size_t>(s)];
      gradients.push_back(gradient_dtype == logits.dtype() ? part
                                                           : Owned(gradient_dtype, {rows, cols}));
      const bool in_place = gradient_dtype == logits.dtype();
      Owned& gradient = gradients.back();
      cross_entropy_join(exec, losses.back(), gradient, in_place ? gradient : part, targets,
                         gathered, {s * cols, vocab}, scale, {z, squares.back()});
    }
  }
};

TEST_CASE("cross_entropy_shard: the shards give the loss and gradient of the whole",
          "[cross_entropy_shard]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const auto [vocab, shards] = GENERATE(std::pair<int64_t, int64_t>{6, 2}, std::pair{6, 3},
                                        std::pair{64, 4}, std::pair{6000, 2}, std::pair{6004, 4});
  const double z = GENERATE(0.0, 0.2);
  constexpr int64_t kRows = 6;
  Owned logits = random_tensor(dtype, {kRows, vocab}, 1, 3.0);
  Owned targets = int_tensor({kRows}, {1, kPadId, static_cast<int32_t>(vocab) - 1, 3, 4, 2});
  const Sharded sharded(*exec, logits, targets, shards, 0.5, dtype, z);
  Owned loss(dtype, {kRows}), squares(dtype, {kRows}), gradient = logits;
  cross_entropy(*exec, loss, gradient, gradient, targets, 0.5, {z, squares});
  const double tolerance = dtype == DType::f64 ? 1e-13 : 4e-6;
  const int64_t cols = vocab / shards;
  for (int64_t s = 0; s < shards; ++s) {
    Owned of_rank = sharded.losses[static_cast<size_t>(s)];
    Owned first = sharded.losses[0], part = sharded.gradients[static_cast<size_t>(s)];
    CHECK(largest_difference(of_rank, loss) < tolerance);
    CHECK(same_bits(of_rank, first));
    Owned of_squares = sharded.squares[static_cast<size_t>(s)];
    CHECK(largest_difference(of_squares, squares) < 100 * tolerance);
    CHECK(largest_difference(part, columns_of(gradient, s * cols, cols)) < tolerance);
  }
}

TEST_CASE("cross_entropy_shard: gradients", "[cross_entropy_shard]") {
  auto exec = make_exec();
  Owned logits = random_tensor(DType::f64, {3, 8}, 1, 2.0), targets = int_tensor({3}, {7, 2, 5});
  const Sharded sharded(*exec, logits, targets, 2, 0.3, DType::f64);
  Owned gradient(DType::f64, {3, 8});
  for (int64_t i = 0; i < 24; ++i) {
    Owned part = sharded.gradients[static_cast<size_t>(i % 8 / 4)];
    set(gradient, i, at(part, i / 8 * 4 + i % 4));
  }
  Owned weight = tensor_of(DType::f64, {3}, {0.3, 0.3, 0.3});
  CHECK(gradient_error(logits, gradient, [&] {
          Sharded again(*exec, logits, targets, 2, 1.0, DType::f64);
          return weighted_sum(again.losses[1], weight);
        }) < kGradientTolerance);
}

TEST_CASE("cross_entropy_shard: extreme logits, and shards without any mass",
          "[cross_entropy_shard]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned logits = tensor_of(dtype, {3, 4},
                           {-1e4, 1e4, 0, 0, -INFINITY, -INFINITY, 1, 1, 2, 2,  //
                            -1e30, -1e30});
  Owned targets = int_tensor({3}, {2, 3, 1});
  const Sharded sharded(*exec, logits, targets, 2, 1.0, dtype);
  Owned loss = sharded.losses[1], left = sharded.gradients[0], right = sharded.gradients[1];
  CHECK(at(loss, 0) == Approx(1e4));
  CHECK(at(loss, 1) == Approx(std::log(2)));
  CHECK(at(loss, 2) == Approx(std::log(2)));
  CHECK(largest_difference(left, tensor_of(dtype, {3, 2}, {0, 1, 0, 0, 0.5, -0.5})) < 1e-6);
  CHECK(largest_difference(right, tensor_of(dtype, {3, 2}, {-1, 0, 0.5, -0.5, 0, 0})) < 1e-6);
}

TEST_CASE("cross_entropy_shard: a NaN logit shows in every rank's loss", "[cross_entropy_shard]") {
  auto exec = make_exec();
  Owned logits = random_tensor(DType::f32, {1, 300}, 1);
  set(logits, 200, NAN);
  const Sharded sharded(*exec, logits, int_tensor({1}, {5}), 3, 1.0, DType::f32);
  for (Owned loss : sharded.losses) CHECK(std::isnan(at(loss, 0)));
}

TEST_CASE("cross_entropy_shard: bfloat16 gradients", "[cross_entropy_shard]") {
  auto exec = make_exec();
  Owned logits = random_tensor(DType::f32, {4, 48}, 1), targets = int_tensor({4}, {1, 30, 0, 47});
  const Sharded exact(*exec, logits, targets, 2, 1.0, DType::f32);
  const Sharded rounded(*exec, logits, targets, 2, 1.0, DType::bf16);
  for (size_t s = 0; s < 2; ++s) {
    Owned a = exact.gradients[s], b = rounded.gradients[s];
    for (int64_t i = 0; i < a.tensor().numel(); ++i) {
      REQUIRE(at(b, i) == Approx(at(a, i)).epsilon(1.0 / 256).margin(1e-30));
    }
  }
}

TEST_CASE("cross_entropy_shard: the same bits for any number of threads", "[cross_entropy_shard]") {
  Owned targets = int_tensor({7}, {1, 2, 0, 4, 5, 6, 7});
  Owned logits = random_tensor(DType::f32, {7, 3000}, 1);
  CHECK(same_for_any_threads(Owned(DType::f32, {7, 1500}), [&](Exec& exec, Tensor out) {
    Sharded sharded(exec, logits, targets, 2, 0.125, DType::f32);
    std::memcpy(out.raw(), sharded.gradients[1].tensor().raw(), static_cast<size_t>(out.bytes()));
  }));
}

TEST_CASE("cross_entropy_shard: wrong arguments, and a target outside the vocabulary",
          "[cross_entropy_shard]") {
  auto exec = make_exec();
  Owned logits(DType::f32, {1, 4}), numbers(DType::f64, {1, kShardNumbers});
  Owned targets = int_tensor({1}, {1});
  CHECK_THROWS_AS(cross_entropy_shard(*exec, numbers, logits, targets, {5, 8}), InternalError);
  const int32_t bad = GENERATE(-1, 8);
  Owned outside = int_tensor({1}, {bad});
  if (exec->backend == Backend::cuda) {
    const Sharded sharded(*exec, random_tensor(DType::f32, {1, 8}, 1), outside, 2, 1.0, DType::f32);
    Owned loss = sharded.losses[0], gradient = sharded.gradients[1];
    CHECK(std::isnan(at(loss, 0)));
    CHECK(std::isnan(at(gradient, 3)));
    return;
  }
  CHECK_THROWS_WITH(cross_entropy_shard(*exec, numbers, logits, outside, {0, 8}),
                    Catch::Matchers::Contains("target " + std::to_string(bad) + " in row 0"));
}

}  // namespace
}  // namespace sy
