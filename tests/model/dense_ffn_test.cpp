// SPDX-License-Identifier: Apache-2.0
#include "lib/model/dense_ffn.h"

#include <catch2/catch.hpp>

#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

// Planned rows, and rows in the micro-batch.
constexpr int64_t kPlanned = 4, kLength = 5;

TEST_CASE("dense_ffn: gradients", "[dense_ffn]") {
  const Activation activation = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  const int64_t sequences = GENERATE(3, 0);
  LayerFixture f;
  f.model.activation = activation;
  f.model.dropout = GENERATE(0.25, 0.0);
  const DenseFfnParams params = dense_ffn_params(f.store, "ffn", f.model);
  DenseFfnSaved saved = f.allocate([&](Arena& arena) {
    return dense_ffn_plan(arena, f.model, {kPlanned, kLength, 1, DType::f64});
  });
  const Shape shape{sequences * kLength, f.model.d_model};
  const LayerContext context = f.context(sequences, kLength);
  Owned x = random_tensor(DType::f64, shape, 1), weight = random_tensor(DType::f64, shape, 2);
  Owned out(DType::f64, shape), d_x(DType::f64, shape);
  const auto loss = [&] {
    dense_ffn_forward(context, params, saved, out, x);
    return weighted_sum(out, weight);
  };
  loss();
  dense_ffn_backward(context, params, saved, d_x, weight);
  CHECK(gradient_error(x, d_x, loss) < kGradientTolerance);
  f.check_params(loss);
}

TEST_CASE("dense_ffn: the gradient may go down in place", "[dense_ffn]") {
  LayerFixture f;
  f.model.activation = Activation::geglu;
  f.model.dropout = GENERATE(0.25, 0.0);
  const DenseFfnParams params = dense_ffn_params(f.store, "ffn", f.model);
  DenseFfnSaved saved = f.allocate([&](Arena& arena) {
    return dense_ffn_plan(arena, f.model, {kPlanned, kLength, 1, DType::f64});
  });
  const Shape shape{kPlanned * kLength, f.model.d_model};
  const LayerContext context = f.context(kPlanned, kLength);
  Owned x = random_tensor(DType::f64, shape, 1), in_place = random_tensor(DType::f64, shape, 2);
  Owned out(DType::f64, shape), d_x(DType::f64, shape);
  dense_ffn_forward(context, params, saved, out, x);
  dense_ffn_backward(context, params, saved, d_x, in_place);
  dense_ffn_backward(context, params, saved, in_place, in_place);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    CHECK(d_x.data<double>()[i] == in_place.data<double>()[i]);
  }
}

TEST_CASE("dense_ffn: without dropout no pass is made for it", "[dense_ffn]") {
  LayerFixture f;
  f.model.dropout = GENERATE(0.25, 0.0);
  const DenseFfnParams params = dense_ffn_params(f.store, "ffn", f.model);
  DenseFfnSaved saved = f.allocate([&](Arena& arena) {
    return dense_ffn_plan(arena, f.model, {kPlanned, kLength, 1, DType::f64});
  });
  const Shape shape{kPlanned * kLength, f.model.d_model};
  const LayerContext context = f.context(kPlanned, kLength);
  Owned x = random_tensor(DType::f64, shape, 1), out(DType::f64, shape), d_x(DType::f64, shape);
  // On the CPU the residual of forward is a pass of its own.
  if (test_backend() == Backend::cuda) context.exec.profiler.enable();
  dense_ffn_forward(context, params, saved, out, x);
  context.exec.profiler.enable();
  dense_ffn_backward(context, params, saved, d_x, out);
  CHECK((context.exec.profiler.seconds(Part::dropout) > 0) == (f.model.dropout > 0));
}

}  // namespace
}  // namespace sy
