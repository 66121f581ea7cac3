// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/experts.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int kExperts = 3;

ExpertRows ragged(const std::vector<int32_t>& counts) {
  static std::vector<Owned> kept;  // the memory they refer to
  kept.push_back(int_tensor({1, kExperts}, counts));
  ExpertRows rows;
  rows.experts = kExperts;
  rows.sources = kept.back();
  rows.counts = counts;
  rows.total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  return rows;
}

ExpertRows even(int64_t each) {
  ExpertRows rows;
  rows.experts = kExperts;
  rows.each = each;
  rows.total = kExperts * each;
  return rows;
}

// `rows` in two parts, as they may arrive: those of the first expert, then the others.
std::vector<ExpertRows> halves(const ExpertRows& rows) {
  ExpertRows first = rows, second = rows;
  first.experts = 1;
  first.total = rows.ragged() ? rows.counts[0] : rows.each;
  if (rows.ragged()) first.counts = {rows.counts[0]};
  if (rows.ragged()) second.counts.erase(second.counts.begin());
  second.first_expert = 1;
  second.experts -= 1;
  second.first = first.total;
  second.total -= first.total;
  return {first, second};
}

struct Layer {
  LayerFixture f;
  ExpertsParams params;
  ExpertsSaved saved;
  Dropout dropout;
  bool in_parts = false;

  Layer(Activation activation, int64_t rows) {
    f.model.experts.count = kExperts;
    f.model.activation = activation;
    params = experts_params(f.store, "moe", f.model);
    saved =
        f.allocate([&](Arena& arena) { return experts_plan(arena, f.model, DType::f64, rows); });
    dropout.rate = 0.25f;
    dropout.key = {3, 1, 7};
  }
  void fill_in(Tensor x) { std::copy_n(x.data<double>(), x.numel(), saved.in.data<double>()); }
  std::vector<ExpertRows> parts(const ExpertRows& rows) const {
    return in_parts ? halves(rows) : std::vector<ExpertRows>{rows};
  }
  void forward(const ExpertRows& rows, Tensor out) {
    for (const ExpertRows& part : parts(rows)) {
      experts_forward(*f.exec, params, saved, part, out, f.model.activation, dropout);
    }
  }
  void backward(const ExpertRows& rows, Tensor d_in, Tensor d_out) {
    ScratchScope scratch(*f.exec);
    const ExpertsGrad grad = experts_grad(*f.exec, params, saved, rows, scratch);
    for (const ExpertRows& part : parts(rows)) {
      experts_backward_input(*f.exec, params, saved, part, d_in, d_out, grad, f.model.activation,
                             dropout);
    }
    experts_backward_weights(*f.exec, params, saved, rows, grad);
  }
};

void check_gradients(Layer& layer, const ExpertRows& rows) {
  const Shape shape{rows.total, layer.f.model.d_model};
  Owned x = random_tensor(DType::f64, shape, 1), weight = random_tensor(DType::f64, shape, 2);
  Owned out(DType::f64, shape), d_in = random_tensor(DType::f64, shape, 2);
  const auto loss = [&] {
    layer.fill_in(x);
    layer.forward(rows, out);
    return weighted_sum(out, weight);
  };
  loss();
  layer.backward(rows, d_in, d_in);  // in place: d_in holds the gradient of the outputs
  CHECK(gradient_error(x, d_in, loss) < kGradientTolerance);
  layer.f.check_params(loss);
}

TEST_CASE("experts: gradients with as many rows each", "[experts]") {
  const Activation activation = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  Layer layer(activation, 30);
  layer.in_parts = GENERATE(false, true);
  check_gradients(layer, even(7));
}

TEST_CASE("experts: gradients with ragged rows, some without any", "[experts]") {
  const Activation activation = GENERATE(Activation::relu, Activation::geglu);
  // The last case needs several GEMMs for the rows of one expert.
  const std::vector<int32_t> counts =
      GENERATE(std::vector<int32_t>{5, 0, 2}, std::vector<int32_t>{0, 3, 1},
               std::vector<int32_t>{0, 0, 0}, std::vector<int32_t>{77, 0, 1});
  Layer layer(activation, 80);
  layer.in_parts = GENERATE(false, true);
  check_gradients(layer, ragged(counts));
}

TEST_CASE("experts: ragged rows of equal number give what batches give", "[experts]") {
  Layer layer(Activation::geglu, kExperts * 45);
  const ExpertRows batches = even(45), pieces = ragged({45, 45, 45});
  const Shape shape{batches.total, layer.f.model.d_model};
  REQUIRE(pieces.total == batches.total);
  Owned x = random_tensor(DType::f64, shape, 1), a(DType::f64, shape), b(DType::f64, shape);
  layer.fill_in(x);
  layer.forward(batches, a);
  layer.forward(pieces, b);
  double worst = 0;
  for (int64_t i = 0; i < shape.numel(); ++i) {
    worst = std::max(worst, std::abs(a.data<double>()[i] - b.data<double>()[i]));
  }
  CHECK(worst < 1e-13);
}

// Whatever the split of rows, the planned scratch must suffice and all shapes must be prepared,
// because GEMM primitives are cached forever.
TEST_CASE("experts: any ragged rows run within what planning measured", "[experts]") {
  constexpr int64_t kRows = 700;
  LayerFixture f;
  f.model.d_model = 32;
  f.model.d_ff = 48;
  f.model.experts.count = kExperts;
  ParamStore store(DType::f32);
  const ExpertsParams params = experts_params(store, "moe", f.model);
  Arena values("values"), grads("grads"), activations("saved");
  const auto plan = [&] {
    store.plan(values, grads);
    return experts_plan(activations, f.model, DType::f32, kRows);
  };
  plan();
  for (Arena* arena : {&values, &grads, &activations}) arena->allocate(test_memory());
  ExpertsSaved saved = plan();
  Exec exec;
  exec.threads = 2;
  std::vector<int32_t> counts(kExperts, 0);
  Owned out(DType::f32, {kRows, 32});
  const auto run = [&](const ExpertRows& rows) {
    ScratchScope scratch(exec);
    const Tensor d_in = out.tensor().slice(0, rows.total);
    experts_forward(exec, params, saved, rows, d_in, Activation::relu, {});
    const ExpertsGrad grad = experts_grad(exec, params, saved, rows, scratch);
    experts_backward_input(exec, params, saved, rows, d_in, d_in, grad, Activation::relu, {});
    experts_backward_weights(exec, params, saved, rows, grad);
  };
  exec.planning = true;
  ExpertRows most = ragged(counts);
  most.total = kRows;
  run(most);
  exec.planning = false;
  exec.scratch.allocate(exec.scratch.high_water());
  for (int32_t first = 0; first <= kRows; first += 7) {
    const int32_t second = (static_cast<int32_t>(kRows) - first) / 3;
    counts = {first, second, static_cast<int32_t>(kRows) - first - second};
    run(ragged(counts));
  }
  CHECK(exec.scratch.high_water() == exec.scratch.capacity());
}

}  // namespace
}  // namespace sy
