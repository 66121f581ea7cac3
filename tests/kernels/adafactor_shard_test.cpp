// SPDX-License-Identifier: Apache-2.0
// A step on shards beside the step on whole matrices, which adafactor_test.cpp compares with the
// paper. All shards are on one rank, and the sums over ranks are taken here.
#include "kernels/adafactor/adafactor_shard.h"

#include <catch2/catch.hpp>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

// The part of a [batch, n, m] tensor that shard s has of `shards`.
Owned shard_of(Tensor whole, bool by_rows, int64_t s, int64_t shards) {
  Shape shape = whole.shape();
  const int64_t n = shape[1], m = shape[2];
  shape[by_rows ? 1 : 2] /= shards;
  Owned part(whole.dtype(), shape);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    int64_t e = i / (shape[1] * shape[2]), row = i / shape[2] % shape[1], col = i % shape[2];
    (by_rows ? row : col) += s * shape[by_rows ? 1 : 2];
    set(part, i, at(whole, (e * n + row) * m + col));
  }
  return part;
}

// A moment [batch, length] as [batch, length, 1].
Tensor as_column(Owned& moment) {
  const Shape shape = moment.tensor().shape();
  return moment.tensor().view({shape[0], shape[1], 1});
}

struct Whole {
  Owned value, grad, row, col, second;

  Whole(DType dtype, Shape shape, uint64_t seed)
      : value(random_tensor(dtype, shape, seed, 0.1)),
        grad(random_tensor(dtype, shape, seed + 1)),
        row(zeros(dtype, {shape[0], shape[1]})),
        col(zeros(dtype, {shape[0], shape[2]})),
        second(zeros(dtype, shape)) {}

  void step(Exec& exec, bool factored, const AdafactorStep& step) {
    if (factored) {
      const AdafactorMatrix item{value, row, col, grad};
      return adafactor_matrices(exec, std::span(&item, 1), step);
    }
    const Shape flat{value.tensor().dim(0), value.tensor().dim(1) * value.tensor().dim(2)};
    const AdafactorVector item{value.tensor().view(flat), second.tensor().view(flat),
                               grad.tensor().view(flat)};
    adafactor_vectors(exec, std::span(&item, 1), step);
  }
};

struct OwnedShard {
  Owned value, grad, row, col, second, rounded;
  bool by_rows, factored;
  int64_t shards;

  OwnedShard(Whole& whole, bool by_rows_, bool factored_, int64_t s, int64_t shards_)
      : value(shard_of(whole.value, by_rows_, s, shards_)),
        grad(shard_of(whole.grad, by_rows_, s, shards_)),
        row(zeros(value.tensor().dtype(), {value.tensor().dim(0), value.tensor().dim(1)})),
        col(zeros(value.tensor().dtype(), {value.tensor().dim(0), value.tensor().dim(2)})),
        second(zeros(value.tensor().dtype(), value.tensor().shape())),
        rounded(DType::bf16, value.tensor().shape()),
        by_rows(by_rows_),
        factored(factored_),
        shards(shards_) {}

  AdafactorShard item() {
    AdafactorShard item{value, grad, {}, {}, {}, rounded, by_rows, shards};
    if (factored) {
      item.row = row;
      item.col = col;
    } else {
      item.second = second;
    }
    return item;
  }
};

void add(Owned& sum, Owned& part) {
  for (int64_t i = 0; i < sum.tensor().numel(); ++i) set(sum, i, at(sum, i) + at(part, i));
}

// One step of the shards of every rank; `ranks` holds their items.
void step_all(Exec& exec, const std::vector<std::vector<AdafactorShard>>& ranks,
              const AdafactorStep& step) {
  const auto& first = ranks[0];
  Owned sums(DType::f64, {adafactor_shard_sum_count(first)});
  Owned updates(DType::f64, {adafactor_shard_update_count(first)});
  for (const auto& items : ranks) {
    Owned mine(DType::f64, sums.tensor().shape());
    adafactor_shard_sums(exec, items, step, mine);
    add(sums, mine);
  }
  std::vector<Owned> rank_sums(ranks.size(), sums);
  for (size_t r = 0; r < ranks.size(); ++r) {
    Owned mine(DType::f64, updates.tensor().shape());
    adafactor_shard_updates(exec, ranks[r], step, rank_sums[r], mine);
    add(updates, mine);
  }
  for (size_t r = 0; r < ranks.size(); ++r) {
    adafactor_shard_write(exec, ranks[r], step, rank_sums[r], updates);
  }
}

AdafactorStep step_of(int t, Tensor clip) {
  AdafactorStep step;
  step.learning_rate = 0.3;
  step.decay = 1 - std::pow(t, -0.8);
  step.weight_decay = 0.02;
  step.update_clip = 0.7;
  step.clip = clip;
  return step;
}

bool close(Tensor a, Tensor b, double tolerance) {
  double largest = 1e-300;
  for (const double v : values_of(b)) largest = std::max(largest, std::abs(v));
  return largest_difference(a, b) <= tolerance * largest;
}

// Experts, long rows, a single row and a single column; more items than a wave has.
std::vector<Shape> shapes_of(DType dtype) {
  std::vector<Shape> shapes{{3, 8, 12}, {1, 132, 260}, {1, 4, 4}, {2, 72, 8}};
  if (dtype == DType::f32) return shapes;
  for (int64_t i = 1; i <= 24; ++i) shapes.push_back({1 + i % 2, 4 * (1 + i % 3), 4 * (1 + i % 5)});
  return shapes;
}

TEST_CASE("adafactor_shard: shards step as the whole matrix", "[adafactor_shard]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t shards = GENERATE(1, 2, 4);
  auto exec = make_exec();
  Owned clip = clip_tensor(0.25);
  std::vector<Whole> wholes;
  std::vector<std::vector<OwnedShard>> owned(static_cast<size_t>(shards));
  const std::vector<Shape> shapes = shapes_of(dtype);
  const auto by_rows = [](size_t i) { return i % 2 == 0; };
  const auto factored = [](size_t i) { return i % 5 != 2; };
  for (size_t i = 0; i < shapes.size(); ++i) {
    wholes.emplace_back(dtype, shapes[i], 3 * i + 1);
    for (int64_t s = 0; s < shards; ++s) {
      owned[static_cast<size_t>(s)].emplace_back(wholes[i], by_rows(i), factored(i), s, shards);
    }
  }
  for (int t = 1; t <= 3; ++t) {
    std::vector<std::vector<AdafactorShard>> ranks(owned.size());
    for (size_t r = 0; r < owned.size(); ++r) {
      for (OwnedShard& shard : owned[r]) ranks[r].push_back(shard.item());
    }
    step_all(*exec, ranks, step_of(t, clip));
    for (size_t i = 0; i < wholes.size(); ++i) wholes[i].step(*exec, factored(i), step_of(t, clip));
  }
  const double tolerance = dtype == DType::f64 ? 1e-12 : 1e-5;
  for (size_t i = 0; i < wholes.size(); ++i) {
    for (int64_t s = 0; s < shards; ++s) {
      CAPTURE(i, s);
      OwnedShard& part = owned[static_cast<size_t>(s)][i];
      Whole& whole = wholes[i];
      CHECK(close(part.value, shard_of(whole.value, by_rows(i), s, shards), tolerance));
      const std::vector<double> values = values_of(part.value);
      for (int64_t j = 0; j < std::ssize(values); ++j) {
        const BFloat16 copy(static_cast<float>(values[static_cast<size_t>(j)]));
        REQUIRE(part.rounded.data<BFloat16>()[j].bits == copy.bits);
      }
      if (!factored(i)) {
        CHECK(close(part.second, shard_of(whole.second, by_rows(i), s, shards), tolerance));
        continue;
      }
      Owned row = by_rows(i) ? shard_of(as_column(whole.row), true, s, shards) : whole.row;
      Owned col = by_rows(i) ? whole.col : shard_of(as_column(whole.col), true, s, shards);
      CHECK(close(part.row, row, tolerance));
      CHECK(close(part.col, col, tolerance));
    }
  }
}

TEST_CASE("adafactor_shard: a skipped step changes nothing", "[adafactor_shard]") {
  auto exec = make_exec();
  Whole whole(DType::f32, {2, 4, 6}, 1);
  set(whole.grad, 5, NAN);
  Owned clip = clip_tensor(1.0, /*apply=*/false);
  const bool factored = GENERATE(true, false), by_rows = GENERATE(true, false);
  OwnedShard shard(whole, by_rows, factored, 1, 2), before = shard;
  Owned sums(DType::f64, {adafactor_shard_sum_count(std::vector{shard.item()})});
  step_all(*exec, {{shard.item()}}, step_of(2, clip));
  CHECK(same_bits(shard.value, before.value));
  CHECK(same_bits(shard.row, before.row));
  CHECK(same_bits(shard.col, before.col));
  CHECK(same_bits(shard.second, before.second));
  CHECK(same_bits(shard.rounded, before.rounded));
  set(sums, 0, 5);
  const std::vector<AdafactorShard> items{shard.item()};
  adafactor_shard_sums(*exec, items, step_of(2, clip), sums);
  for (const double sum : values_of(sums)) CHECK(sum == 0);
}

TEST_CASE("adafactor_shard: the same bits for any number of threads", "[adafactor_shard]") {
  const bool by_rows = GENERATE(true, false);
  Whole whole(DType::f32, {3, 200, 30}, 1);
  CHECK(same_for_any_threads(shard_of(whole.value, by_rows, 0, 2), [&](Exec& exec, Tensor out) {
    OwnedShard shard(whole, by_rows, true, 0, 2);
    step_all(exec, {{shard.item()}}, step_of(1, {}));
    std::memcpy(out.raw(), shard.value.tensor().raw(), static_cast<size_t>(out.bytes()));
  }));
}

TEST_CASE("adafactor_shard: wrong arguments", "[adafactor_shard]") {
  auto exec = make_exec();
  Whole whole(DType::f32, {1, 4, 6}, 1);
  OwnedShard shard(whole, true, true, 0, 2);
  std::vector<AdafactorShard> items{shard.item()};
  Owned sums(DType::f64, {adafactor_shard_sum_count(items)}), short_sums(DType::f64, {3});
  CHECK_THROWS_AS(adafactor_shard_sums(*exec, items, {}, short_sums), InternalError);
  items[0].row = items[0].col;
  CHECK_THROWS_AS(adafactor_shard_sums(*exec, items, {}, sums), InternalError);
}

}  // namespace
}  // namespace sy
