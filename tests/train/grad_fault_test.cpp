// SPDX-License-Identifier: Apache-2.0
// The first non-finite gradient: the same answer on every rank, whichever rank holds it.
#include "lib/train/optimizer/grad_fault.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "lib/tensor/transfer.h"
#include "lib/train/optimizer/grad_norm.h"
#include "tests/support/gradcheck.h"
#include "tests/support/group_maker.h"
#include "tests/support/mpi_world.h"
#include "tests/train/hand_made_params.h"
#include "tests/train/mesh_splits.h"

namespace sy {
namespace {
using namespace test;

// As in a step: sums of squares, then the search.
std::string fault_of(Exec& exec, ParamStore& params, Mesh& mesh) {
  const auto regions = static_cast<int64_t>(params.regions().size());
  Owned squares(DType::f64, {regions}), found(DType::f64, {regions});
  gradient_squares(exec, params, mesh, squares);
  find_grad_faults(exec, params, found, squares);
  synchronize(exec);
  return first_grad_fault(params, mesh, found);
}

void set_gradient(const Param& param, int64_t element, double value) {
  if (param.grad.dtype() == DType::f32) {
    param.grad.data<float>()[element] = static_cast<float>(value);
  } else {
    param.grad.data<double>()[element] = value;
  }
}

// Sets `fault` in the gradient of one expert or of a replicated parameter, on the ranks that hold
// it.
void set_fault(const Param& param, int64_t expert, double fault) {
  if (!param.placement.cut_by(MeshAxis::expert)) {
    return set_gradient(param, param.grad.numel() - 1, fault);
  }
  const int64_t local = expert - param.slab.offset[0];
  if (local < 0 || local >= param.grad.dim(0)) return;  // on another rank
  set_gradient(param, (local + 1) * (param.grad.numel() / param.grad.dim(0)) - 1, fault);
}

std::string expected_name(const Param& param, int64_t expert) {
  if (!param.placement.cut_by(MeshAxis::expert)) return param.name;
  return fmt::format("{}, expert {}", param.name, expert);
}

TEST_CASE("grad_fault: the first parameter and expert, on every rank and mesh", "[grad_fault]") {
  const auto exec = make_exec(1);
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const double fault = GENERATE(double{NAN}, INFINITY, -INFINITY);
  const UpdatedBy updated_by = GENERATE(UpdatedBy::every_holder, UpdatedBy::one_owner);
  for_each_mesh(*exec, [&](Mesh& mesh) {
    HandMadeParams params(mesh, dtype, updated_by);
    CHECK(fault_of(*exec, params.store, mesh).empty());
    // Each one comes before the previous one.
    for (size_t i = params.store.all().size(); i-- > 0;) {
      const Param& param = params.store.all()[i];
      for (int64_t expert = param.placement.slices(param.shape); expert-- > 0;) {
        CAPTURE(fault, param.name, expert);
        set_fault(param, expert, fault);
        CHECK(fault_of(*exec, params.store, mesh) == expected_name(param, expert));
      }
    }
  });
}

TEST_CASE("grad_fault: a later region's fault does not hide an earlier one", "[grad_fault]") {
  const auto exec = make_exec(1);
  const int ranks = test_world().size();
  Mesh mesh(test_world(), {ranks, 1, ranks}, group_maker(*exec));
  HandMadeParams params(mesh);
  set_fault(*params.store.find("head"), 0, NAN);
  set_fault(*params.store.find("moe/bias"), 3, NAN);
  set_fault(*params.store.find("moe/wo"), 0, NAN);
  CHECK(fault_of(*exec, params.store, mesh) == "moe/bias, expert 3");
  set_fault(*params.store.find("scale"), 0, NAN);
  CHECK(fault_of(*exec, params.store, mesh) == "scale");
}

TEST_CASE("grad_fault: a large gradient is none", "[grad_fault]") {
  const auto exec = make_exec(1);
  Mesh mesh(test_world(), {test_world().size(), 1, 1}, group_maker(*exec));
  HandMadeParams single(mesh, DType::f32), twice(mesh, DType::f64);
  // The square overflows float32, but not the sum.
  set_gradient(*single.store.find("embedding"), 0, 3e38);
  CHECK(fault_of(*exec, single.store, mesh).empty());
  // The sum overflows too: the step is not applied, and there is no gradient to name.
  set_gradient(*twice.store.find("embedding"), 0, 1e300);
  CHECK(fault_of(*exec, twice.store, mesh).empty());
}

TEST_CASE("grad_fault: a model without experts", "[grad_fault]") {
  const auto exec = make_exec(1);
  Mesh mesh(test_world(), {test_world().size(), 1, 1}, group_maker(*exec));
  Arena values{"values"}, grads{"gradients"};
  ParamStore params;
  Param* const only = params.add("only", {5}, Placement::replicated(), {});
  params.plan(values, grads);
  values.allocate(test_memory());
  grads.allocate(test_memory());
  params.plan(values, grads);
  CHECK(fault_of(*exec, params, mesh).empty());
  set_gradient(*only, 4, NAN);
  CHECK(fault_of(*exec, params, mesh) == "only");
}

}  // namespace
}  // namespace sy
