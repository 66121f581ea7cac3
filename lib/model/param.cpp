// SPDX-License-Identifier: Apache-2.0
#include "lib/model/param.h"

#include <algorithm>
#include <vector>

#include "kernels/elementwise/elementwise.h"
#include "lib/base/numeric.h"
#include "lib/base/random.h"
#include "lib/model/initial_values.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

// In float32 every parameter starts on a 64-byte line: vector loads are aligned, and no two
// parameters share a cache line.
constexpr int64_t kParamAlignment = 16;

bool holds(const ParamRegion& region, const Param& param) {
  return region.axes == param.placement.axes() &&
         region.partial_over_model == param.partial_over_model;
}

bool comes_before(const ParamRegion& a, const ParamRegion& b) {
  return a.axes != b.axes ? a.axes < b.axes : a.partial_over_model < b.partial_over_model;
}

const char* region_label(const ParamRegion& region) {
  const MeshAxes axes = region.axes;
  if (region.partial_over_model) return "parameters of the residual stream";
  if (axes == MeshAxes{}) return "replicated parameters";
  if (!axes.has(MeshAxis::model)) return "expert parameters";
  return axes.has(MeshAxis::expert) ? "cut expert parameters" : "cut parameters";
}

}  // namespace

Tensor Param::part_of(Tensor region) const {
  return region.slice(offset, value.numel()).view(value.shape());
}

Tensor Param::cleared_grad(Exec& exec) {
  if (!adds_to_grad()) fill_zero(exec, grad);
  return grad;
}

bool are_adjacent(std::initializer_list<Param*> params) {
  const Param& first = **params.begin();
  int64_t offset = first.offset;
  for (const Param* param : params) {
    if (param->placement.axes() != first.placement.axes() || param->offset != offset ||
        param->slab.extent != first.slab.extent) {
      return false;
    }
    offset += param->slab.numel();
  }
  return true;
}

Tensor joined(std::initializer_list<Param*> params, Tensor Param::*view) {
  const Tensor first = (*params.begin())->*view;
  const auto count = static_cast<int64_t>(params.size());
  SY_CHECK(are_adjacent(params) && first.rank() == 2, "{} parameters from {} on are not adjacent",
           count, (*params.begin())->name);
  return {first.raw(), first.dtype(), {count, first.dim(0), first.dim(1)}};
}

uint32_t SiteRegistry::declare(const std::string& name) {
  const uint32_t site = site::of_name(name);
  const auto [holder, is_new] = names_.emplace(site, name);
  SY_CHECK(is_new, "{} and {} would draw the same numbers: both have the site {:#x}",
           holder->second, name, site);
  return site;
}

ParamStore::ParamStore(DType dtype, const MeshPlace& place, bool sequence_parallel)
    : dtype_(dtype), place_(place), cuts_stream_(sequence_parallel && place.shape.model > 1) {
  SY_CHECK(place.rank >= 0 && place.rank < place.shape.ranks, "rank {} of {}", place.rank,
           place.shape.ranks);
}

Param* ParamStore::add(std::string name, Shape shape, const Placement& placement, Init init,
                       GradRows rows) {
  SY_CHECK(find(name) == nullptr, "two parameters are called {}", name);
  Param& param = params_.emplace_back();
  param.name = std::move(name);
  param.shape = shape;
  param.placement = place_.shape.model == 1 ? placement.only(MeshAxis::expert) : placement;
  param.slab = param.placement.slab(shape, place_);
  param.init = init;
  param.partial_over_model = cuts_stream_ && rows == GradRows::stream;
  param.number = narrow<int>(static_cast<int64_t>(params_.size()) - 1);
  param.site = sites_.declare("init/" + param.name);
  const ParamRegion region{param.placement.axes(), param.partial_over_model, {}, {}, {}};
  const auto place = std::ranges::lower_bound(regions_, region, comes_before);
  if (place == regions_.end() || !holds(*place, param)) regions_.insert(place, region);
  return &param;
}

size_t ParamStore::region_of(const Param& param) const {
  size_t region = 0;
  while (!holds(regions_[region], param)) ++region;
  return region;
}

// Takes the tensor of a region from the arena and sets `view` of its parameters to their parts.
Tensor ParamStore::carve(Arena& arena, const ParamRegion& of, DType dtype, Tensor Param::*view) {
  int64_t size = 0;
  for (const Param& param : params_) {
    if (holds(of, param)) size += round_up(param.slab.numel(), kParamAlignment);
  }
  const Tensor region = arena.take(dtype, {size}, region_label(of));
  int64_t offset = 0;
  for (Param& param : params_) {
    if (!holds(of, param)) continue;
    param.*view = region.slice(offset, param.slab.numel()).view(param.slab.extent);
    param.offset = offset;
    offset += round_up(param.slab.numel(), kParamAlignment);
  }
  return region;
}

void ParamStore::plan_values(Arena& values) {
  for (ParamRegion& region : regions_) {
    region.values = carve(values, region, master_dtype(), &Param::value);
    if (dtype_ != master_dtype()) {
      region.compute = carve(values, region, dtype_, &Param::compute);
    }
  }
  if (dtype_ != master_dtype()) return;
  for (Param& param : params_) param.compute = param.value;
}

void ParamStore::plan(Arena& values, Arena& grads) {
  plan_values(values);
  for (ParamRegion& region : regions_) {
    region.grads = carve(grads, region, master_dtype(), &Param::grad);
  }
}

void ParamStore::discard_gradients() {
  for (Param& param : params_) param.grad_is_stale = true;
}

void ParamStore::clear_stale_gradients(Exec& exec, int first) {
  for (size_t i = static_cast<size_t>(first); i < params_.size(); ++i)
    params_[i].cleared_grad(exec);
}

void ParamStore::update_compute(Exec& exec) {
  for (const ParamRegion& region : regions_) {
    if (!region.compute.empty()) cast(exec, region.compute, region.values);
  }
}

void ParamStore::initialize(Exec& exec, uint64_t seed) {
  std::vector<char> drawn;  // staging buffer for parameters that are not in host memory
  for (Param& param : params_) {
    const RandomKey key{seed, 0, param.site};
    Tensor values = param.value;
    if (exec.backend == Backend::cuda) {
      drawn.resize(std::max(drawn.size(), static_cast<size_t>(values.bytes())));
      values = Tensor(drawn.data(), values.dtype(), values.shape());
    }
    fill_initial_values(values, param.init, key, param.shape, param.slab);
    if (exec.backend == Backend::cuda) upload(exec, param.value, values);
  }
  update_compute(exec);
}

Param* ParamStore::find(const std::string& name) {
  for (Param& param : params_) {
    if (param.name == name) return &param;
  }
  return nullptr;
}

int64_t ParamStore::global_count() const {
  int64_t count = 0;
  for (const Param& param : params_) count += param.shape.numel();
  return count;
}

int64_t ParamStore::local_count() const {
  int64_t count = 0;
  for (const Param& param : params_) count += param.slab.numel();
  return count;
}

}  // namespace sy
