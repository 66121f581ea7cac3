#include "lib/train/grad_fault.h"

#include <algorithm>
#include <cmath>

#include "kernels/find_nonfinite.h"

namespace sy {
namespace {

// Elements of the whole model, in order of declaration, before the one that is `index` elements
// into a group's flat gradients here; infinity where index is -1. All numbers are below 2^53.
double place_in_model(const ParamStore& params, ParamGroup group, double index) {
  if (index < 0) return INFINITY;
  const char* fault = static_cast<const char*>(params.flat_grads(group).raw()) +
                      static_cast<int64_t>(index) * size_of(params.master_dtype());
  double before = 0;
  for (const Param& param : params.all()) {
    const char* begin = static_cast<const char*>(param.grad.raw());
    if (param.group == group && fault >= begin && fault < begin + param.grad.bytes()) {
      const int64_t row = param.shape.numel() / param.shape[0];
      const auto inside = (fault - begin) / static_cast<int64_t>(size_of(params.master_dtype()));
      return before + static_cast<double>(param.first_expert * row + inside);
    }
    before += static_cast<double>(param.shape.numel());
  }
  SY_CHECK(false, "element {} of the flat gradients is no parameter's", index);
}

std::string name_of_place(const ParamStore& params, double place) {
  for (const Param& param : params.all()) {
    const auto count = static_cast<double>(param.shape.numel());
    if (place >= count) {
      place -= count;
      continue;
    }
    if (param.group == ParamGroup::replicated) return param.name;
    const int64_t row = param.shape.numel() / param.shape[0];
    return fmt::format("{}, expert {}", param.name, static_cast<int64_t>(place) / row);
  }
  return "";
}

}  // namespace

void find_grad_faults(Exec& exec, const ParamStore& params, Tensor found, Tensor squares) {
  for (const ParamGroup group : {ParamGroup::replicated, ParamGroup::expert}) {
    const auto g = static_cast<int64_t>(group);
    find_nonfinite(exec, found.slice(g, 1), params.flat_grads(group), squares.slice(g, 1));
  }
}

std::string first_grad_fault(const ParamStore& params, Mesh& mesh, Tensor found) {
  const double* index = found.data<double>();
  double last = -std::min(place_in_model(params, ParamGroup::replicated, index[0]),
                          place_in_model(params, ParamGroup::expert, index[1]));
  // Only the ranks that hold an expert see its fault.
  mesh.world().all_reduce_max(Tensor(&last, DType::f64, {1}), "gradient at fault");
  return name_of_place(params, -last);
}

}  // namespace sy
