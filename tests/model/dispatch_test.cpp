// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/dispatch.h"

#include <catch2/catch.hpp>

#include "kernels/gemm/grouped_gemm.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("dispatch: capacity worked by hand", "[dispatch]") {
  ExpertsSection experts;
  experts.count = 8;
  experts.capacity_factor = 1.25;
  experts.eval_capacity_factor = 2.0;
  experts.min_capacity = 4;
  CHECK(expert_capacity(experts, 1024, true) == 160);
  CHECK(expert_capacity(experts, 1024, false) == 256);
  CHECK(expert_capacity(experts, 1023, true) == 159);  // 159.84 is truncated
  CHECK(expert_capacity(experts, 20, true) == 4);      // 3.125, raised to min_capacity
  CHECK(expert_capacity(experts, 3, true) == 3);       // never more than the group
  experts.capacity_factor = 100;
  CHECK(expert_capacity(experts, 1024, true) == 1024);
  experts.capacity = CapacityMode::fixed;
  experts.fixed_capacity = 64;
  CHECK(expert_capacity(experts, 1024, true) == 64);
  CHECK(expert_capacity(experts, 1024, false) == 64);
  CHECK(expert_capacity(experts, 20, true) == 20);
  experts.fixed_capacity = 2;
  CHECK(expert_capacity(experts, 20, true) == 2);  // min_capacity applies to `factor` only
}

TEST_CASE("dispatch: the most that is planned for", "[dispatch]") {
  ModelSection model;
  model.experts.count = 4;
  model.experts.group_sequences = 2;
  model.experts.capacity_factor = 1.0;
  model.experts.eval_capacity_factor = 2.0;
  const LayerDims dims{6, 16, 2, DType::f32};
  CHECK(dispatch_sizes(model, dims).slots == 4 * 3 * 16);  // evaluation's 32 * 2 / 4
  CHECK(dispatch_sizes(model, dims).rows == 4 * 3 * 16);
  model.experts.capacity = CapacityMode::dropless;
  CHECK(dispatch_sizes(model, dims).slots == 96);
  CHECK(dispatch_sizes(model, dims).rows == 192);
}

// Two groups of four tokens, three experts, capacity 1: tokens 1 and 6 are dropped, 3 is padding.
const std::vector<int32_t> kExpert{2, 2, 0, -1, 1, 0, 1, 2};

struct Layer {
  LayerFixture f;
  DispatchLabels labels{"moe"};
  DispatchSaved saved;
  Owned expert = int_tensor({8, 1}, kExpert);
  RouterSaved router;

  explicit Layer(CapacityMode capacity) {
    f.model.d_model = 2;
    f.model.experts.count = 3;
    f.model.experts.capacity = capacity;
    f.model.experts.fixed_capacity = 1;
    f.model.experts.group_sequences = 1;
    f.model.experts.dropout = 0.5;
    saved = f.allocate([&](Arena& arena) {
      return dispatch_plan(arena, f.model, {2, 4, 1, DType::f64});
    });
    router.expert = expert;
    dispatch_assign(context(), labels, saved, router);
  }
  LayerContext context() { return f.context(2, 4); }
  // Dispatches rows: only then are their number and origin known.
  void send() {
    ScratchScope scratch(*f.exec);
    Owned normed = random_tensor(DType::f64, {8, 2}, 1), in(DType::f64, {saved.rows(), 2});
    Dispatch(context(), labels, saved, scratch).start(in, normed);
  }
  std::vector<int32_t> row_ids() {
    const Tensor ids = expert_dropout(context(), saved, 0).row_ids;
    return {ids.data<int32_t>(), ids.data<int32_t>() + ids.numel()};
  }
  std::vector<int32_t> counted() {
    return {saved.counts.data<int32_t>(), saved.counts.data<int32_t>() + 4};
  }
};

TEST_CASE("dispatch: fixed capacity worked by hand", "[dispatch]") {
  Layer layer(CapacityMode::fixed);
  layer.send();
  CHECK(layer.counted() == std::vector<int32_t>{2, 2, 3, 2});
  CHECK(layer.saved.exchange.all.each == 2);
  // Expert, group: token 2, 5 | none, 4 | 0, 7; the first row of the fixture's batch is 4 * 4.
  CHECK(layer.row_ids() == std::vector<int32_t>{18, 21, -1, 20, 16, 23});
}

TEST_CASE("dispatch: dropless worked by hand", "[dispatch]") {
  Layer layer(CapacityMode::dropless);
  CHECK(layer.counted() == std::vector<int32_t>{2, 2, 3, 0});
  CHECK(layer.saved.slots == 8);  // the maximum
  layer.send();
  std::vector<int32_t> row_ids{18, 21, 20, 22, 16, 17, 23};
  if (!grouped_gemm_by_group(*layer.f.exec, 8, 3)) row_ids.push_back(-1);  // not counted
  CHECK(layer.saved.slots == std::ssize(row_ids));
  CHECK(layer.saved.rows() == layer.saved.slots);
  CHECK(layer.row_ids() == row_ids);
}

TEST_CASE("dispatch: a second run starts anew", "[dispatch]") {
  Layer layer(GENERATE(CapacityMode::fixed, CapacityMode::dropless));
  layer.send();
  const std::vector<int32_t> counted = layer.counted(), row_ids = layer.row_ids();
  const int64_t slots = layer.saved.slots;
  dispatch_assign(layer.context(), layer.labels, layer.saved, layer.router);
  layer.send();
  CHECK(layer.counted() == counted);
  CHECK(layer.row_ids() == row_ids);
  CHECK(layer.saved.slots == slots);
}

// The experts here multiply by 3, so the layer is out = 3 gate x where a token has a slot.
TEST_CASE("dispatch: there and back, and its gradients", "[dispatch]") {
  Layer layer(GENERATE(CapacityMode::fixed, CapacityMode::dropless));
  const LayerContext context = layer.context();
  Owned x = random_tensor(DType::f64, {8, 2}, 1), gate = random_tensor(DType::f64, {8, 1}, 2);
  Owned weight = random_tensor(DType::f64, {8, 2}, 3);
  Owned out(DType::f64, {8, 2}), d_x(DType::f64, {8, 2}), d_gate(DType::f64, {8, 1});
  Owned in(DType::f64, {layer.saved.rows(), 2});
  const auto triple = [](Tensor to, Tensor from) {
    for (int64_t i = 0; i < to.numel(); ++i) to.data<double>()[i] = 3 * from.data<double>()[i];
  };
  const auto loss = [&] {
    ScratchScope scratch(*layer.f.exec);
    Dispatch travel(context, layer.labels, layer.saved, scratch);
    travel.start(in, x);
    travel.compute_parts([&](const ExpertRows&) { triple(travel.out(), in); });
    travel.combine(out, gate);
    return weighted_sum(out, weight);
  };
  loss();
  const bool dropless = layer.f.model.experts.capacity == CapacityMode::dropless;
  for (int64_t t = 0; t < 8; ++t) {
    const bool kept = t != 3 && (dropless || (t != 1 && t != 6));
    const double expected = kept ? 3 * gate.data<double>()[t] * x.data<double>()[2 * t] : 0.0;
    CHECK(out.data<double>()[2 * t] == Approx(expected).epsilon(1e-14));
  }
  ScratchScope scratch(*layer.f.exec);
  DispatchGrad grad(context, layer.labels, layer.saved, scratch);
  grad.start_combine(d_gate, weight, gate);
  grad.compute_parts([&](const ExpertRows&) { triple(grad.d_in(), grad.d_out()); });
  grad.gather(d_x);
  CHECK(gradient_error(x, d_x, loss) < kGradientTolerance);
  CHECK(gradient_error(gate, d_gate, loss) < kGradientTolerance);
}

}  // namespace
}  // namespace sy
