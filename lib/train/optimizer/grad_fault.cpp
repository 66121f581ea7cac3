// SPDX-License-Identifier: Apache-2.0
#include "lib/train/optimizer/grad_fault.h"

#include <algorithm>
#include <cmath>

#include "kernels/find_nonfinite/find_nonfinite.h"

namespace sy {
namespace {

// The position in the whole model, in declaration order, of element `index` of the gradients that
// this rank owns of a region; infinity if index is -1. Positions are below 2^53 and therefore
// exact.
double place_in_model(const ParamStore& params, size_t region, double index) {
  if (index < 0) return INFINITY;
  const int64_t element = params.regions()[region].own.first + static_cast<int64_t>(index);
  double before = 0;
  for (const Param& param : params.all()) {
    const int64_t inside = element - param.offset;
    if (params.region_of(param) == region && inside >= 0 && inside < param.grad.numel()) {
      return before + static_cast<double>(index_in_whole(param.slab, param.shape, inside));
    }
    before += static_cast<double>(param.shape.numel());
  }
  SY_CHECK(false, "element {} of the flat gradients belongs to no parameter", index);
}

std::string name_of_place(const ParamStore& params, double place) {
  for (const Param& param : params.all()) {
    const auto count = static_cast<double>(param.shape.numel());
    if (place >= count) {
      place -= count;
      continue;
    }
    if (!param.placement.cut_by(MeshAxis::expert)) return param.name;
    const int64_t expert =
        static_cast<int64_t>(place) / param.placement.slice_shape(param.shape).numel();
    return fmt::format("{}, expert {}", param.name, expert);
  }
  return "";
}

}  // namespace

void find_grad_faults(Exec& exec, const ParamStore& params, Tensor found, Tensor squares) {
  int64_t r = 0;
  for (const ParamRegion& region : params.regions()) {
    find_nonfinite(exec, found.slice(r, 1), region.own_grads(), squares.slice(r, 1));
    ++r;
  }
}

std::string first_grad_fault(const ParamStore& params, Mesh& mesh, Tensor found) {
  const double* index = found.data<double>();
  double last = -INFINITY;  // the first position, negated
  for (size_t region = 0; region < params.regions().size(); ++region) {
    last = std::max(last, -place_in_model(params, region, index[region]));
  }
  // Only ranks that hold the slab see the value.
  mesh.world().all_reduce_max(Tensor(&last, DType::f64, {1}), "gradient at fault");
  return name_of_place(params, -last);
}

}  // namespace sy
