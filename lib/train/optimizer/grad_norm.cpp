// SPDX-License-Identifier: Apache-2.0
#include "lib/train/optimizer/grad_norm.h"

#include "kernels/elementwise/elementwise.h"

namespace sy {
namespace {

Tensor of_region(Tensor numbers, size_t region) {
  return numbers.slice(static_cast<int64_t>(region), 1);
}

}  // namespace

void gradient_squares(Exec& exec, ParamStore& params, Mesh& mesh, Tensor squares) {
  const std::vector<ParamRegion>& regions = params.regions();
  {
    const ProfileScope profile(exec.profiler, Part::optimizer);
    fill_zero(exec, squares);
    for (size_t i = 0; i < regions.size(); ++i) {
      add_sum_of_squares(exec, of_region(squares, i), regions[i].grads);
    }
  }
  for (size_t i = 0; i < regions.size(); ++i) {
    for (const MeshAxis axis : kMeshAxes) {
      if (!regions[i].axes.has(axis) || mesh.along(axis).size() == 1) continue;
      const ProfileScope profile(exec.profiler, Part::communication);
      mesh.along(axis).all_reduce_sum(of_region(squares, i), "norm of cut gradients");
    }
  }
}

}  // namespace sy
