#include "lib/train/grad_norm.h"

#include <cmath>

#include "kernels/elementwise.h"

namespace sy {

double gradient_norm(Exec& exec, ParamStore& params, Mesh& mesh) {
  // In float64, in an order that no number of threads changes; how the experts are spread changes
  // the last bits alone.
  double replicated = 0, experts = 0;
  for (const Param& param : params.all()) {
    (param.group == ParamGroup::expert ? experts : replicated) += sum_of_squares(exec, param.grad);
  }
  if (mesh.expert().size() > 1) {
    mesh.expert().all_reduce_sum(Tensor(&experts, DType::f64, {1}), "norm of expert gradients");
  }
  return std::sqrt(replicated + experts);
}

double clip_scale(double norm, double clip_norm) {
  return clip_norm > 0 && norm > clip_norm ? clip_norm / norm : 1.0;
}

std::string find_nonfinite(Exec& exec, ParamStore& params, Mesh& mesh) {
  int32_t from_last = 0;  // parameters from the first at fault to the last
  for (const Param& param : params.all()) {
    if (std::isfinite(sum_of_squares(exec, param.grad))) continue;
    from_last = static_cast<int32_t>(params.all().size()) - param.number;
    break;
  }
  // Only the ranks that hold an expert see its fault.
  mesh.world().all_reduce_max(Tensor(&from_last, DType::i32, {1}), "gradient at fault");
  return from_last == 0 ? ""
                        : params.all()[params.all().size() - static_cast<size_t>(from_last)].name;
}

}  // namespace sy
