// SPDX-License-Identifier: Apache-2.0
#include "lib/bench/expert_products.h"

#include <catch2/catch.hpp>

#include "kernels/gemm/gemm_shape.h"
#include "tests/support/backend.h"

namespace sy {
namespace {

struct Case {
  Activation activation;
  DType dtype;
};

ModelSection small_model(Activation activation) {
  ModelSection model;
  model.d_model = 16;
  model.d_ff = 24;
  model.activation = activation;
  model.experts.count = 4;
  return model;
}

ExpertRows even_rows() {
  ExpertRows rows;
  rows.experts = 4;
  rows.each = 5;
  rows.total = rows.experts * rows.each;
  return rows;
}

// Plans the scratch, runs the work and returns the GEMMs it consists of.
template <class Work>
GemmCounts products_of(Exec& exec, Work&& work) {
  exec.planning = true;
  work();
  exec.planning = false;
  if (exec.scratch.capacity() < exec.scratch.high_water()) {
    exec.scratch.allocate(exec.scratch.high_water(), exec.memory);
  }
  exec.state<GemmCounts>().clear();
  exec.profiler.enable();
  work();
  return exec.state<GemmCounts>();
}

// The GEMMs of a sparse layer, forward and backward.
GemmCounts products_of_layer(const Case& test, const ExpertRows& rows) {
  const ModelSection model = small_model(test.activation);
  Exec exec;
  test::use_test_backend(exec);
  ParamStore store(test.dtype);
  const ExpertsParams params = experts_params(store, "moe", model);
  Arena values("values"), grads("grads"), activations("saved");
  Tensor out;
  const auto plan = [&] {
    store.plan(values, grads);
    out = activations.take(test.dtype, {rows.total, model.d_model}, "out");
    return experts_plan(activations, model, test.dtype, rows.total);
  };
  plan();
  for (Arena* arena : {&values, &grads, &activations}) arena->allocate(test::test_memory());
  ExpertsSaved saved = plan();
  return products_of(exec, [&] {
    ScratchScope scratch(exec);
    experts_forward(exec, params, saved, rows, out, model.activation, {});
    const ExpertsGrad grad = experts_grad(exec, params, saved, rows, scratch);
    experts_backward_input(exec, params, saved, rows, out, out, grad, model.activation, {});
    experts_backward_weights(exec, params, saved, rows, grad);
  });
}

TEST_CASE("experts' products: batched is what the layer does, each the same work",
          "[expert_products]") {
  const Case test =
      GENERATE(Case{Activation::relu, DType::f32}, Case{Activation::relu, DType::bf16},
               Case{Activation::gelu, DType::f32}, Case{Activation::geglu, DType::f32});
  const ExpertRows rows = even_rows();
  Exec exec;
  test::use_test_backend(exec);
  const ExpertProducts products(exec, small_model(test.activation), test.dtype, rows);
  const auto run = [&](void (ExpertProducts::*way)() const) {
    return products_of(exec, [&] {
      products.batched();  // planned together, because scratch is allocated once
      products.each();
      if (exec.backend == Backend::cuda) products.by_kernel();
      if (exec.planning) return;
      exec.state<GemmCounts>().clear();
      (products.*way)();
    });
  };
  const GemmCounts batched = run(&ExpertProducts::batched), each = run(&ExpertProducts::each);
  CHECK(batched == products_of_layer(test, rows));
  CHECK(flops_of(batched) == products.flops());
  CHECK(flops_of(each) == products.flops());
  int64_t calls = 0;
  for (const auto& [shape, times] : each) {
    CHECK(shape.batch == 1);
    calls += times;
  }
  CHECK(calls == products.products() * rows.experts);
  if (exec.backend == Backend::cpu) return;
  CHECK(flops_of(run(&ExpertProducts::by_kernel)) == products.flops());
}

}  // namespace
}  // namespace sy
