// SPDX-License-Identifier: Apache-2.0
// The Switch sub-layer on every mesh that the number of ranks allows: for the same global tokens,
// outputs, gradients, statistics and losses equal those of one rank, with jitter and all kinds of
// dropout, in float64.
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/tensor/transfer.h"
#include "tests/model/moe_layer.h"
#include "tests/support/group_maker.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kSequences = 8, kLength = 5;
constexpr double kTolerance = 1e-12;

double difference(const Param& part, Tensor whole) {
  double worst = 0;
  for (int64_t i = 0; i < part.grad.numel(); ++i) {
    const double expected = whole.data<double>()[index_in_whole(part.slab, part.shape, i)];
    worst = std::max(worst, std::abs(part.grad.data<double>()[i] - expected));
  }
  return worst;
}

// The largest difference between `part` and as many elements of `whole` from `first` on.
double difference(Tensor part, Tensor whole, int64_t first) {
  double worst = 0;
  for (int64_t i = 0; i < part.numel(); ++i) {
    worst = std::max(worst, std::abs(part.data<double>()[i] - whole.data<double>()[first + i]));
  }
  return worst;
}

void compare_gradients(MoeLayer& part, MoeLayer& whole) {
  for (const ParamRegion& region : part.store.regions()) {
    part.mesh.reduction_group(region.axes).all_reduce_sum(region.grads, "gradients");
  }
  synchronize(part.exec);
  for (const Param& param : part.store.all()) {
    INFO(param.name);
    CHECK(difference(param, whole.store.find(param.name)->grad) < kTolerance);
  }
}

void compare_stats(MoeLayer& part, MoeLayer& whole) {
  double sums[2 + kChoiceLosses] = {part.balance_sum(), part.z_sum()};
  for (int64_t i = 0; i < kChoiceLosses; ++i) sums[2 + i] = part.stats.choice.data<double>()[i];
  part.mesh.host_data().all_reduce_sum(Tensor(sums, DType::f64, {2 + kChoiceLosses}), "losses");
  for (int64_t i = 0; i < kChoiceLosses; ++i) {
    CHECK(sums[2 + i] == Approx(whole.stats.choice.data<double>()[i]).epsilon(kTolerance));
  }
  CHECK(sums[0] == Approx(whole.balance_sum()).epsilon(kTolerance));
  CHECK(sums[1] == Approx(whole.z_sum()).epsilon(kTolerance));
  part.mesh.data().all_reduce_sum(part.stats.counts, "counts");
  synchronize(part.exec);
  const int64_t last = whole.stats.counts.numel() - 1;
  for (int64_t e = 0; e <= last; ++e) {
    CHECK(part.stats.counts.data<int32_t>()[e] == whole.stats.counts.data<int32_t>()[e]);
  }
  const bool dropless = whole.model.experts.capacity == CapacityMode::dropless;
  CHECK((whole.stats.counts.data<int32_t>()[last] > 0) == !dropless);
}

struct Data {
  Shape shape{kSequences * kLength, moe_model().d_model};
  Owned x = random_tensor(DType::f64, shape, 1), d_out = random_tensor(DType::f64, shape, 2);
  Owned valid = valid_tokens({5, 3, 5, 5, 0, 2, 5, 4}, kLength);
};

std::shared_ptr<Exec> shared_exec() {
  auto exec = std::make_shared<Exec>();
  use_test_backend(*exec);
  return exec;
}

void compare(const ModelSection& model, int expert, int model_ranks = 1) {
  const auto exec = shared_exec();
  Mesh mesh(test_world(), {test_world().size(), model_ranks, expert}, group_maker(*exec));
  Data data;
  const auto self = make_self_communicator();
  Mesh one(*self, {});
  MoeLayer whole(model, one, kSequences, kLength, DType::f64, 1);
  Owned out(DType::f64, data.shape), d_x(DType::f64, data.shape);
  whole.forward(out, data.x, data.valid);
  whole.backward(d_x, data.d_out, data.valid);

  const int64_t share = kSequences / mesh.shape().data();
  const int64_t first = mesh.data_rank() * share * kLength, rows = share * kLength;
  MoeLayer part(model, mesh, share, kLength, DType::f64, 1, exec);
  part.step.first_sequence = whole.step.first_sequence + mesh.data_rank() * share;
  Owned part_out(DType::f64, {rows, model.d_model}), part_d_x(DType::f64, {rows, model.d_model});
  const auto mine = [&](Owned& all) { return all.tensor().slice(first, rows); };
  part.forward(part_out, mine(data.x), mine(data.valid));
  part.backward(part_d_x, mine(data.d_out), mine(data.valid));
  synchronize(*exec);
  CHECK(difference(part_out, out, first * model.d_model) < kTolerance);
  CHECK(difference(part_d_x, d_x, first * model.d_model) < kTolerance);
  compare_gradients(part, whole);
  compare_stats(part, whole);
}

TEST_CASE("moe: one rank's numbers on every mesh", "[moe]") {
  const int ranks = test_world().size();
  ModelSection model = moe_model();
  model.experts.group_sequences = GENERATE(1, 2);
  model.experts.fixed_capacity = model.experts.group_sequences;  // too few
  model.experts.capacity =
      GENERATE(CapacityMode::factor, CapacityMode::fixed, CapacityMode::dropless);
  model.activation = GENERATE(Activation::relu, Activation::geglu);
  for (int expert = 1; expert <= ranks; expert *= 2) {
    CAPTURE(expert);
    compare(model, expert);
  }
}

TEST_CASE("moe: one rank's numbers for every router", "[moe]") {
  ModelSection model = moe_model();
  const int router = GENERATE(0, 1, 2, 3, 4, 5, 6, 7);
  model.experts.capacity = router % 2 == 0 ? CapacityMode::dropless : CapacityMode::factor;
  if (router == 0) model.experts.top_k = 2;
  if (router == 1) model.experts.exploration = Exploration::sample;
  if (router == 2) model.experts.exploration = Exploration::input_dropout;
  if (router == 3) model.experts.routing = Routing::hash;
  if (router == 4) model.experts.balance_bias = 0.01;
  if (router == 5) model.experts.routing = Routing::no_token_left_behind;
  if (router == 7) model.experts.routing = Routing::expert_choice;
  if (router == 6) {
    model.experts.top_k = 2;
    model.experts.exploration = Exploration::noise;
    model.experts.second_place_loss = model.experts.importance_loss = 0.2;
    model.experts.load_loss = 0.3;
  }
  model.experts.second_threshold = 0.45;
  CAPTURE(router);
  compare(model, test_world().size());
}

TEST_CASE("moe: one rank's numbers with experts cut over model ranks", "[moe]") {
  const int ranks = test_world().size(), model_ranks = GENERATE(2, 4);
  if (model_ranks > ranks) return;
  ModelSection model = moe_model();
  model.d_ff = 8;
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  model.activation = GENERATE(Activation::relu, Activation::geglu);
  if (model.activation == Activation::geglu) {
    model.experts.shared_expert = 4;
    if (model.experts.capacity == CapacityMode::factor) {
      model.experts.routing = Routing::expert_choice;
    }
  }
  for (int expert = 1; expert <= ranks / model_ranks; expert *= 2) {
    CAPTURE(model_ranks, expert);
    compare(model, expert, model_ranks);
  }
}

TEST_CASE("moe: every token to the experts of one rank", "[moe]") {
  const int ranks = test_world().size();
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  const auto exec = shared_exec();
  Mesh mesh(test_world(), {ranks, 1, ranks}, group_maker(*exec));
  const int64_t share = kSequences / ranks, rows = share * kLength;
  MoeLayer layer(model, mesh, share, kLength, DType::f64, 1, exec);
  // Expert 1 wins on every rank.
  Tensor router = layer.params.routing.router.weight->value;
  for (int64_t i = 0; i < router.numel(); ++i) {
    router.data<double>()[i] = i % model.experts.count == 1 ? 1.0 : 0.0;
  }
  Owned x(DType::f64, {rows, model.d_model}), out(DType::f64, {rows, model.d_model});
  for (int64_t i = 0; i < rows * model.d_model; ++i) x.data<double>()[i] = 1.0;
  Owned valid = int_tensor({rows}, std::vector<int32_t>(static_cast<size_t>(rows), 1));
  layer.forward(out, x, valid);
  layer.backward(out, out, valid);
  synchronize(*exec);
  const bool dropless = model.experts.capacity == CapacityMode::dropless;
  // All 40 tokens arrive at its rank; with capacity 1, each group of two sequences keeps one.
  if (dropless) {
    CHECK(layer.saved.routing.dispatch.rows() == (mesh.expert_rank() == 1 / (4 / ranks) ? 40 : 0));
  }
  CHECK(layer.stats.counts.data<int32_t>()[1] == rows);
  CHECK(layer.stats.counts.data<int32_t>()[4] == (dropless ? 0 : rows - share / 2));
}

}  // namespace
}  // namespace sy
