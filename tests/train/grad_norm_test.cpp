// SPDX-License-Identifier: Apache-2.0
// The norm of all gradients, on every mesh.
#include "lib/train/optimizer/grad_norm.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "lib/base/random.h"
#include "lib/tensor/transfer.h"
#include "tests/support/gradcheck.h"
#include "tests/support/group_maker.h"
#include "tests/support/mpi_world.h"
#include "tests/train/hand_made_params.h"
#include "tests/train/mesh_splits.h"
#include "tests/train/own_order_group.h"

namespace sy {
namespace {
using namespace test;

// A gradient after reduction: the same on every rank that holds it, of a different magnitude for
// each parameter.
double gradient_of(const Param& param, int64_t element) {
  const RandomKey key{7, 1, static_cast<uint32_t>(param.number)};
  const double uniform = random_uniform(key, static_cast<uint64_t>(element)) - 0.5;
  return uniform * std::pow(10.0, param.number % 4 - 2);
}

// Over whole parameters, one value at a time.
double plain_norm(const ParamStore& params, DType dtype) {
  double squares = 0;
  for (const Param& param : params.all()) {
    for (int64_t i = 0; i < param.shape.numel(); ++i) {
      double value = gradient_of(param, i);
      if (dtype == DType::f32) value = static_cast<float>(value);
      squares += value * value;
    }
  }
  return std::sqrt(squares);
}

void set_gradients(const ParamStore& params) {
  for (const Param& param : params.all()) {
    const auto value = [&](int64_t element) { return gradient_of(param, element); };
    if (params.dtype() == DType::f32) HandMadeParams::fill_gradient<float>(param, value);
    if (params.dtype() == DType::f64) HandMadeParams::fill_gradient<double>(param, value);
  }
}

double norm_of(Exec& exec, ParamStore& params, Mesh& mesh) {
  Owned squares(DType::f64, {static_cast<int64_t>(params.regions().size())});
  gradient_squares(exec, params, mesh, squares);
  synchronize(exec);
  const double* of_region = squares.data<double>();
  return std::sqrt(std::accumulate(of_region, of_region + params.regions().size(), 0.0));
}

// What a rank does not own is no sum.
void spoil_others(const ParamStore& params) {
  for (const ParamRegion& region : params.regions()) {
    for (int64_t i = 0; i < region.grads.numel(); ++i) {
      if (i >= region.own.first && i < region.own.first + region.own.count) continue;
      if (params.dtype() == DType::f32) region.grads.data<float>()[i] = 1e6;
      if (params.dtype() == DType::f64) region.grads.data<double>()[i] = 1e6;
    }
  }
}

bool is_alike(Mesh& mesh, double norm) {
  double ends[] = {norm, -norm};
  mesh.world().all_reduce_max(Tensor(ends, DType::f64, {2}), "ends of the norm");
  return ends[0] == norm && ends[1] == -norm;
}

TEST_CASE("grad_norm: every parameter once, on every mesh", "[grad_norm]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const UpdatedBy updated_by = GENERATE(UpdatedBy::every_holder, UpdatedBy::one_owner);
  CAPTURE(name_of(dtype));
  const auto exec = make_exec(1);
  for_each_mesh(*exec, [&](Mesh& mesh) {
    HandMadeParams params(mesh, dtype, updated_by);
    set_gradients(params.store);
    spoil_others(params.store);
    const double norm = norm_of(*exec, params.store, mesh);
    CHECK(norm == Approx(plain_norm(params.store, dtype)).epsilon(1e-14));
    CHECK(is_alike(mesh, norm));
  });
}

TEST_CASE("grad_norm: the same bits everywhere, in whatever order groups add", "[grad_norm]") {
  const UpdatedBy updated_by = GENERATE(UpdatedBy::every_holder, UpdatedBy::one_owner);
  const auto exec = make_exec(1);
  if (exec->backend != Backend::cpu) return;
  const auto own_order = [](Communicator& group) { return std::make_unique<OwnOrderGroup>(group); };
  for_each_mesh_shape([&](MeshShape shape) {
    Mesh mesh(test_world(), shape, own_order);
    HandMadeParams params(mesh, DType::f32, updated_by);
    set_gradients(params.store);
    CHECK(is_alike(mesh, norm_of(*exec, params.store, mesh)));
  });
}

TEST_CASE("grad_norm: not finite when one gradient is not", "[grad_norm]") {
  const UpdatedBy updated_by = GENERATE(UpdatedBy::every_holder, UpdatedBy::one_owner);
  const auto exec = make_exec(1);
  for_each_mesh(*exec, [&](Mesh& mesh) {
    HandMadeParams params(mesh, DType::f32, updated_by);
    for (const Param& param : params.store.all()) {
      CAPTURE(param.name);
      set_gradients(params.store);
      // The first element of the whole parameter, which most ranks do not hold if it is sharded.
      if (HandMadeParams::element(param, 0) == 0) param.grad.data<float>()[0] = NAN;
      CHECK_FALSE(std::isfinite(norm_of(*exec, params.store, mesh)));
    }
  });
}

TEST_CASE("grad_norm: no gradient, no norm", "[grad_norm]") {
  const auto exec = make_exec(1);
  Mesh mesh(test_world(), {test_world().size(), 1, test_world().size()}, group_maker(*exec));
  HandMadeParams params(mesh);
  CHECK(norm_of(*exec, params.store, mesh) == 0);
}

}  // namespace
}  // namespace sy
