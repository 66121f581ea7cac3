#include "lib/train/grad_norm.h"

#include "kernels/elementwise.h"

namespace sy {

void gradient_squares(Exec& exec, ParamStore& params, Mesh& mesh, Tensor squares) {
  const Tensor replicated = squares.slice(0, 1), experts = squares.slice(1, 1);
  {
    const ProfileScope profile(exec.profiler, Part::optimizer);
    fill_zero(exec, squares);
    add_sum_of_squares(exec, replicated, params.flat_grads(ParamGroup::replicated));
    add_sum_of_squares(exec, experts, params.flat_grads(ParamGroup::expert));
  }
  if (mesh.expert().size() == 1) return;
  const ProfileScope profile(exec.profiler, Part::communication);
  mesh.expert().all_reduce_sum(experts, "norm of expert gradients");
}

}  // namespace sy
