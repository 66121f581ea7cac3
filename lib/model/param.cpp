#include "lib/model/param.h"

#include <algorithm>
#include <vector>

#include "kernels/elementwise.h"
#include "lib/base/numeric.h"
#include "lib/base/random.h"
#include "lib/model/initial_values.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

// A parameter starts on a 64-byte line in float32, so vector loads are aligned and two parameters
// never share a cache line.
constexpr int64_t kParamAlignment = 16;

constexpr ParamGroup kGroups[] = {ParamGroup::replicated, ParamGroup::expert};

const char* region_label(ParamGroup group) {
  return group == ParamGroup::replicated ? "replicated parameters" : "expert parameters";
}

}  // namespace

Tensor Param::part_of(Tensor region) const {
  return region.slice(offset, value.numel()).view(value.shape());
}

ParamStore::ParamStore(DType dtype, int expert_ranks, int expert_rank)
    : dtype_(dtype), expert_ranks_(expert_ranks), expert_rank_(expert_rank) {
  SY_CHECK(expert_rank >= 0 && expert_rank < expert_ranks, "expert rank {} of {}", expert_rank,
           expert_ranks);
}

Param* ParamStore::add(std::string name, Shape shape, ParamGroup group, Init init) {
  SY_CHECK(find(name) == nullptr, "two parameters are called {}", name);
  Param& param = params_.emplace_back();
  param.name = std::move(name);
  param.shape = shape;
  param.group = group;
  param.init = init;
  param.number = narrow<int>(static_cast<int64_t>(params_.size()) - 1);
  if (group == ParamGroup::expert) {
    param.first_expert = expert_rank_ * div_exact(shape[0], expert_ranks_);
  }
  return &param;
}

Shape ParamStore::local_shape(const Param& param) const {
  Shape local = param.shape;
  if (param.group == ParamGroup::expert) local[0] = div_exact(local[0], expert_ranks_);
  return local;
}

// Takes a group's region and points `view` of its parameters into it.
Tensor ParamStore::carve(Arena& arena, ParamGroup group, DType dtype, Tensor Param::*view) {
  int64_t size = 0;
  for (const Param& param : params_) {
    if (param.group == group) size += round_up(local_shape(param).numel(), kParamAlignment);
  }
  if (size == 0) return {};
  const Tensor region = arena.take(dtype, {size}, region_label(group));
  int64_t offset = 0;
  for (Param& param : params_) {
    if (param.group != group) continue;
    const Shape local = local_shape(param);
    param.*view = region.slice(offset, local.numel()).view(local);
    param.offset = offset;
    offset += round_up(local.numel(), kParamAlignment);
  }
  return region;
}

void ParamStore::plan_values(Arena& values) {
  for (const ParamGroup group : kGroups) {
    const int g = static_cast<int>(group);
    flat_values_[g] = carve(values, group, master_dtype(), &Param::value);
    if (dtype_ != master_dtype()) {
      flat_compute_[g] = carve(values, group, dtype_, &Param::compute);
    }
  }
  if (dtype_ != master_dtype()) return;
  for (Param& param : params_) param.compute = param.value;
}

void ParamStore::plan(Arena& values, Arena& grads) {
  plan_values(values);
  for (const ParamGroup group : kGroups) {
    flat_grads_[static_cast<int>(group)] = carve(grads, group, master_dtype(), &Param::grad);
  }
}

void ParamStore::update_compute(Exec& exec) {
  for (const ParamGroup group : kGroups) {
    const int g = static_cast<int>(group);
    if (!flat_compute_[g].empty()) cast(exec, flat_compute_[g], flat_values_[g]);
  }
}

void ParamStore::initialize(Exec& exec, uint64_t seed) {
  std::vector<char> drawn;  // of a parameter that does not lie in host memory
  for (Param& param : params_) {
    const int64_t row = param.shape[0] == 0 ? 0 : param.shape.numel() / param.shape[0];
    const RandomKey key{seed, 0, site::kInit + static_cast<uint32_t>(param.number)};
    Tensor values = param.value;
    if (exec.backend == Backend::cuda) {
      drawn.resize(std::max(drawn.size(), static_cast<size_t>(values.bytes())));
      values = Tensor(drawn.data(), values.dtype(), values.shape());
    }
    fill_initial_values(values, param.init, key, param.first_expert * row);
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

Tensor ParamStore::flat_values(ParamGroup group) const {
  return flat_values_[static_cast<int>(group)];
}

Tensor ParamStore::flat_grads(ParamGroup group) const {
  return flat_grads_[static_cast<int>(group)];
}

int64_t ParamStore::global_count() const {
  int64_t count = 0;
  for (const Param& param : params_) count += param.shape.numel();
  return count;
}

int64_t ParamStore::local_count() const {
  int64_t count = 0;
  for (const Param& param : params_) count += local_shape(param).numel();
  return count;
}

}  // namespace sy
