#include "lib/train/grad_norm.h"

#include <cmath>

#include "kernels/elementwise.h"
#include "lib/tensor/transfer.h"

namespace sy {

void gradient_squares(Exec& exec, ParamStore& params, Mesh& mesh, Tensor squares) {
  const Tensor replicated = squares.slice(0, 1), experts = squares.slice(1, 1);
  {
    const ProfileScope profile(exec.profiler, Part::optimizer);
    fill_zero(exec, squares);
    add_sum_of_squares(exec, replicated, params.flat_grads(ParamGroup::replicated));
    add_sum_of_squares(exec, experts, params.flat_grads(ParamGroup::expert));
  }
  if (exec.planning || mesh.expert().size() == 1) return;
  const ProfileScope profile(exec.profiler, Part::communication);
  mesh.expert().all_reduce_sum(experts, "norm of expert gradients");
}

std::string find_nonfinite(Exec& exec, ParamStore& params, Mesh& mesh) {
  ScratchScope scratch(exec);
  const Tensor squares = scratch.take(DType::f64, {1}, "squares of a parameter");
  int32_t from_last = 0;  // parameters from the first at fault to the last
  for (const Param& param : params.all()) {
    fill_zero(exec, squares);
    add_sum_of_squares(exec, squares, param.grad);
    if (std::isfinite(read_number(exec, squares))) continue;
    from_last = static_cast<int32_t>(params.all().size()) - param.number;
    break;
  }
  // Only the ranks that hold an expert see its fault.
  mesh.world().all_reduce_max(Tensor(&from_last, DType::i32, {1}), "gradient at fault");
  return from_last == 0 ? ""
                        : params.all()[params.all().size() - static_cast<size_t>(from_last)].name;
}

}  // namespace sy
