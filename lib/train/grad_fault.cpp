#include "lib/train/grad_fault.h"

#include <algorithm>
#include <cmath>

#include "kernels/find_nonfinite.h"

namespace sy {
namespace {

// Of an expert parameter, what an expert has.
int64_t elements_of_row(const Param& param) {
  return param.shape.numel() / param.shape[0];
}

// Elements of the whole model, in order of declaration, before the one that is `index` elements
// into a group's flat gradients here; infinity where index is -1. All are below 2^53, and exact.
double place_in_model(const ParamStore& params, ParamGroup group, double index) {
  if (index < 0) return INFINITY;
  double before = 0;
  for (const Param& param : params.all()) {
    if (param.group == group) {
      const int64_t inside = static_cast<int64_t>(index) - param.offset;
      const int64_t others = param.first_expert * elements_of_row(param);
      if (inside >= 0 && inside < param.grad.numel()) {
        return before + static_cast<double>(others + inside);
      }
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
    const int64_t expert = static_cast<int64_t>(place) / elements_of_row(param);
    return fmt::format("{}, expert {}", param.name, expert);
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
