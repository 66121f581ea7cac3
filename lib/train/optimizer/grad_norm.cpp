// SPDX-License-Identifier: Apache-2.0
#include "lib/train/optimizer/grad_norm.h"

#include "kernels/elementwise/elementwise.h"

namespace sy {
namespace {

Tensor of_region(Tensor numbers, size_t region) {
  return numbers.slice(static_cast<int64_t>(region), 1);
}

// Whether some rank of the model group has its squares from sums over other ranks than this one.
bool is_summed_apart(const ParamRegion& region) {
  return region.is_spread() && !region.axes.has(MeshAxis::model);
}

void sum_over(Exec& exec, Communicator& ranks, Tensor squares, const char* label) {
  if (ranks.size() == 1) return;
  const ProfileScope profile(exec.profiler, Part::communication);
  ranks.all_reduce_sum(squares, label);
}

}  // namespace

void gradient_squares(Exec& exec, ParamStore& params, Mesh& mesh, Tensor squares) {
  const std::vector<ParamRegion>& regions = params.regions();
  {
    const ProfileScope profile(exec.profiler, Part::optimizer);
    fill_zero(exec, squares);
    for (size_t i = 0; i < regions.size(); ++i) {
      add_sum_of_squares(exec, of_region(squares, i), regions[i].own_grads());
    }
  }
  bool summed_apart = false;
  for (size_t i = 0; i < regions.size(); ++i) {
    const Tensor of_this = of_region(squares, i);
    if (regions[i].is_spread()) {
      sum_over(exec, mesh.reduction_group(regions[i].axes), of_this, "norm of owned gradients");
    }
    for (const MeshAxis axis : kMeshAxes) {
      if (!regions[i].axes.has(axis)) continue;
      sum_over(exec, mesh.along(axis), of_this, "norm of cut gradients");
    }
    summed_apart |= is_summed_apart(regions[i]);
  }
  // Those groups need not add in the same order, and a model group must clip alike.
  if (!summed_apart || mesh.model().size() == 1) return;
  const ProfileScope profile(exec.profiler, Part::communication);
  mesh.model().broadcast(squares, 0, "norm of replicated gradients");
}

}  // namespace sy
