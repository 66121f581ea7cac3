// SPDX-License-Identifier: Apache-2.0
#include "lib/train/optimizer/grad_norm.h"

#include "kernels/elementwise/elementwise.h"

namespace sy {
namespace {

Tensor of_region(Tensor numbers, size_t region) {
  return numbers.slice(static_cast<int64_t>(region), 1);
}

// Whether several groups of ranks sum the squares of this region, each on its own.
bool is_summed_apart(const ParamRegion& region, const MeshShape& mesh) {
  const bool cut_by_expert = region.axes.has(MeshAxis::expert) && mesh.expert > 1;
  const bool cut_by_model = region.axes.has(MeshAxis::model) && mesh.model > 1;
  return (cut_by_expert && mesh.ranks > mesh.expert) || (cut_by_model && mesh.data() > 1) ||
         (region.is_spread() && !cut_by_model && mesh.model > 1);
}

// Makes the squares those of the world's first rank.
void take_first(Exec& exec, Mesh& mesh, Tensor squares) {
  const ProfileScope profile(exec.profiler, Part::communication);
  for (Communicator* ranks : {&mesh.data(), &mesh.model()}) {
    if (ranks->size() > 1) ranks->broadcast(squares, 0, "norm of replicated gradients");
  }
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
    summed_apart |= is_summed_apart(regions[i], mesh.shape());
  }
  // Groups need not add in the same order, and ranks with copies of a weight must clip alike.
  if (summed_apart) take_first(exec, mesh, squares);
}

}  // namespace sy
