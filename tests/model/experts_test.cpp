#include "lib/model/moe/experts.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int kExperts = 3;

ExpertRows ragged(Owned& counts, int64_t sources) {
  ExpertRows rows;
  rows.sources = sources;
  rows.experts = kExperts;
  rows.counts = counts;
  rows.total = std::accumulate(counts.data<int32_t>(), counts.data<int32_t>() + sources * kExperts,
                               int64_t{0});
  return rows;
}

ExpertRows even(int64_t sources, int64_t each) {
  ExpertRows rows;
  rows.sources = sources;
  rows.experts = kExperts;
  rows.each = each;
  rows.total = sources * kExperts * each;
  return rows;
}

struct Layer {
  LayerFixture f;
  ExpertsParams params;
  ExpertsSaved saved;
  Dropout dropout;

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
  void forward(const ExpertRows& rows, Tensor out) {
    experts_forward(*f.exec, params, saved, rows, out, f.model.activation, dropout);
  }
  void backward(const ExpertRows& rows, Tensor d_in, Tensor d_out) {
    ScratchScope scratch(*f.exec);
    const ExpertsGrad grad = experts_backward_input(*f.exec, params, saved, rows, d_in, d_out,
                                                    f.model.activation, dropout, scratch);
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
  layer.backward(rows, d_in, d_in);  // in place: d_in begins as the outputs' gradient
  CHECK(gradient_error(x, d_in, loss) < kGradientTolerance);
  layer.f.check_params(loss);
}

TEST_CASE("experts: gradients with as many rows each", "[experts]") {
  const Activation activation = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  const int64_t sources = GENERATE(1, 2);
  Layer layer(activation, 30);
  check_gradients(layer, even(sources, 4));
}

TEST_CASE("experts: gradients with ragged rows, some without any", "[experts]") {
  const Activation activation = GENERATE(Activation::relu, Activation::geglu);
  // The last needs several products for one expert's rows.
  const std::vector<int32_t> counts =
      GENERATE(std::vector<int32_t>{5, 0, 2, 0, 3, 1}, std::vector<int32_t>{0, 0, 0, 0, 0, 0},
               std::vector<int32_t>{77, 0, 1, 0, 0, 0});
  Layer layer(activation, 80);
  Owned owned = int_tensor({2, kExperts}, counts);
  check_gradients(layer, ragged(owned, 2));
}

TEST_CASE("experts: ragged rows of equal number give what batches give", "[experts]") {
  Layer layer(Activation::geglu, 2 * kExperts * 45);
  Owned counts = int_tensor({2, kExperts}, std::vector<int32_t>(2 * kExperts, 45));
  const ExpertRows batches = even(2, 45), pieces = ragged(counts, 2);
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

// Every split of the rows must find the scratch that planning took and no shape that it did not
// prepare: products are kept for ever.
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
  Owned counts = zeros(DType::i32, {1, kExperts});
  Owned out(DType::f32, {kRows, 32});
  const auto run = [&](const ExpertRows& rows) {
    ScratchScope scratch(exec);
    const Tensor d_in = out.tensor().slice(0, rows.total);
    experts_forward(exec, params, saved, rows, d_in, Activation::relu, {});
    const ExpertsGrad grad = experts_backward_input(exec, params, saved, rows, d_in, d_in,
                                                    Activation::relu, {}, scratch);
    experts_backward_weights(exec, params, saved, rows, grad);
  };
  exec.planning = true;
  ExpertRows most = ragged(counts, 1);
  most.total = kRows;
  run(most);
  exec.planning = false;
  exec.scratch.allocate(exec.scratch.high_water());
  for (int32_t first = 0; first <= kRows; first += 7) {
    const int32_t second = (static_cast<int32_t>(kRows) - first) / 3;
    counts.data<int32_t>()[0] = first;
    counts.data<int32_t>()[1] = second;
    counts.data<int32_t>()[2] = static_cast<int32_t>(kRows) - first - second;
    run(ragged(counts, 1));
  }
  CHECK(exec.scratch.high_water() == exec.scratch.capacity());
}

}  // namespace
}  // namespace sy
