// SPDX-License-Identifier: Apache-2.0
#include "lib/model/param.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "kernels/elementwise/elementwise.h"
#include "lib/base/numeric.h"
#include "lib/base/random.h"
#include "lib/model/initial_values.h"
#include "lib/model/owned_runs.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

// In float32 every parameter starts on a 64-byte line: vector loads are aligned, and no two
// parameters share a cache line.
constexpr int64_t kParamAlignment = 16;

bool comes_before(const ParamRegion& a, const ParamRegion& b) {
  const auto key = [](const ParamRegion& region) {
    return std::tuple(region.axes, region.partial_over_model, region.spreads_masters);
  };
  return key(a) < key(b);
}

const char* region_label(const ParamRegion& region) {
  const MeshAxes axes = region.axes;
  if (region.partial_over_model) return "parameters of the residual stream";
  if (axes == MeshAxes{}) return "replicated parameters";
  if (!axes.has(MeshAxis::model)) return "expert parameters";
  return axes.has(MeshAxis::expert) ? "cut expert parameters" : "cut parameters";
}

}  // namespace

Slab Param::own_slab(Slab part) const {
  const int64_t rows = part.extent[0] / placement.slices(part.extent);
  part.offset[0] += owned.first * rows;
  part.extent[0] = owned.count * rows;
  return part;
}

Tensor Param::own_part(Tensor all) const {
  const int64_t rows = all.dim(0) / placement.slices(all.shape());
  return all.slice(owned.first * rows, owned.count * rows);
}

Tensor Param::own_part_of_run(Tensor run, int64_t first) const {
  const Shape own = own_slab(slab).extent;
  if (owned.count == 0) return run.slice(0, 0).view(own);
  const int64_t slice = slab.numel() / placement.slices(slab.extent);
  return run.slice(offset + owned.first * slice - first, own.numel()).view(own);
}

Tensor Param::cleared_grad(Exec& exec) {
  if (!adds_to_grad()) fill_zero(exec, grad);
  return grad;
}

bool are_adjacent(std::initializer_list<Param*> params) {
  const Param& first = **params.begin();
  int64_t offset = first.offset;
  for (const Param* param : params) {
    if (param->placement.axes() != first.placement.axes() || param->reads != first.reads ||
        param->partial_over_model != first.partial_over_model || param->offset != offset ||
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

ParamStore::ParamStore(DType dtype, const MeshPlace& place, UpdatedBy updated_by,
                       bool sequence_parallel)
    : dtype_(dtype),
      place_(place),
      updated_by_(updated_by),
      cuts_stream_(sequence_parallel && place.shape.model > 1) {
  SY_CHECK(place.rank >= 0 && place.rank < place.shape.ranks, "rank {} of {}", place.rank,
           place.shape.ranks);
}

Param* ParamStore::add(std::string name, Shape shape, const Placement& placement, Init init,
                       ParamUse use) {
  SY_CHECK(find(name) == nullptr, "two parameters are called {}", name);
  Param& param = params_.emplace_back();
  param.name = std::move(name);
  param.shape = shape;
  param.placement = place_.shape.model == 1 ? placement.only(MeshAxis::expert) : placement;
  param.slab = param.placement.slab(shape, place_);
  param.init = init;
  param.reads = use.reads;
  param.partial_over_model = cuts_stream_ && use.rows == GradRows::stream;
  param.number = narrow<int>(static_cast<int64_t>(params_.size()) - 1);
  param.site = sites_.declare("init/" + param.name);
  ParamRegion region;
  region.axes = param.placement.axes();
  region.partial_over_model = param.partial_over_model;
  region.spreads_masters = spreads_master(param);
  const auto place = std::ranges::lower_bound(regions_, region, comes_before);
  if (place == regions_.end() || !is_in(param, *place)) regions_.insert(place, region);
  return &param;
}

Buffer* ParamStore::add_buffer(std::string name, Shape shape) {
  for (const Buffer& buffer : buffers_) {
    SY_CHECK(buffer.name != name, "two buffers are called {}", name);
  }
  // Without memory until it is planned, but with its shape.
  buffers_.push_back({std::move(name), Tensor(nullptr, master_dtype(), shape)});
  return &buffers_.back();
}

// Whether its master weights exist only where they are owned.
bool ParamStore::spreads_master(const Param& param) const {
  return updated_by_ == UpdatedBy::one_owner && dtype_ != master_dtype() &&
         param.reads == Reads::copy;
}

bool ParamStore::is_in(const Param& param, const ParamRegion& region) const {
  return param.placement.axes() == region.axes &&
         param.partial_over_model == region.partial_over_model &&
         spreads_master(param) == region.spreads_masters;
}

size_t ParamStore::region_of(const Param& param) const {
  size_t region = 0;
  while (!is_in(param, regions_[region])) ++region;
  return region;
}

// Sets the offsets of a region's parameters and divides it among its owners.
void ParamStore::lay_out(ParamRegion& region) {
  std::vector<int64_t> starts;
  int64_t size = 0;
  for (Param& param : params_) {
    if (!is_in(param, region)) continue;
    param.offset = size;
    const int64_t slices = param.placement.slices(param.slab.extent);
    for (int64_t i = 0; i < slices; ++i) starts.push_back(size + param.slab.numel() / slices * i);
    size += round_up(param.slab.numel(), kParamAlignment);
  }
  const std::vector<int> ranks = reduction_ranks(region.axes, place_);
  const bool spread = updated_by_ == UpdatedBy::one_owner;
  region.runs = balanced_runs(starts, size, spread ? narrow<int>(std::ssize(ranks)) : 1);
  const auto here = std::ranges::find(ranks, place_.rank) - ranks.begin();
  region.own = region.runs[spread ? static_cast<size_t>(here) : 0];
  auto start = starts.begin();
  for (Param& param : params_) {
    if (!is_in(param, region)) continue;
    const int64_t slices = param.placement.slices(param.slab.extent);
    param.owned = {0, 0};
    for (int64_t i = 0; i < slices; ++i, ++start) {
      if (*start < region.own.first || *start >= region.own.first + region.own.count) continue;
      if (param.owned.count++ == 0) param.owned.first = i;
    }
  }
}

// Takes the tensor of a region from the arena and sets `view` of its parameters to their parts.
Tensor ParamStore::carve(Arena& arena, const ParamRegion& all, DType dtype, Tensor Param::*view) {
  const RowRange& last = all.runs.back();
  const Tensor region = arena.take(dtype, {last.first + last.count}, region_label(all));
  for (Param& param : params_) {
    if (!is_in(param, all)) continue;
    param.*view = region.slice(param.offset, param.slab.numel()).view(param.slab.extent);
  }
  return region;
}

// The master weights: whole, or the own run alone.
void ParamStore::plan_masters(Arena& values, ParamRegion& region) {
  if (region.spreads_masters) {
    region.master = values.take(master_dtype(), {region.own.count}, region_label(region));
  } else {
    region.values = carve(values, region, master_dtype(), &Param::value);
    region.master = region.values.slice(region.own.first, region.own.count);
  }
  for (Param& param : params_) {
    if (is_in(param, region)) {
      param.master = param.own_part_of_run(region.master, region.own.first);
    }
  }
}

void ParamStore::plan_values(Arena& values) {
  for (Buffer& buffer : buffers_) {
    buffer.value = values.take(master_dtype(), buffer.value.shape(), buffer.name);
  }
  for (ParamRegion& region : regions_) {
    lay_out(region);
    plan_masters(values, region);
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
    if (region.compute.empty()) continue;
    cast(exec, region.compute.slice(region.own.first, region.own.count), region.master);
  }
}

void ParamStore::initialize(Exec& exec, uint64_t seed) {
  std::vector<char> drawn;  // staging buffer for parameters that are not in host memory
  for (Param& param : params_) {
    const RandomKey key{seed, 0, param.site};
    Tensor values = param.master;
    if (values.numel() == 0) continue;
    if (exec.backend == Backend::cuda) {
      drawn.resize(std::max(drawn.size(), static_cast<size_t>(values.bytes())));
      values = Tensor(drawn.data(), values.dtype(), values.shape());
    }
    fill_initial_values(values, param.init, key, param.shape, param.own_slab(param.slab));
    if (exec.backend == Backend::cuda) upload(exec, param.master, values);
  }
  for (const Buffer& buffer : buffers_) fill_zero(exec, buffer.value);
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
