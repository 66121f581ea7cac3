// SPDX-License-Identifier: Apache-2.0
#include "kernels/adafactor/adafactor.h"

#include <algorithm>
#include <cmath>

#include "lib/train/optimizer/optimizer.h"

namespace sy {
namespace {

// The shape of a parameter as [batch, n, m] (factored matrices) or [batch, n] (vectors and other
// matrices), where the batch are the slices, each of which is updated separately.
Shape batched(const Param& param, const Shape& shape, int64_t factor_from) {
  const int64_t batch = param.placement.slices(shape);
  const Shape slice = param.placement.slice_shape(shape);
  SY_CHECK(slice.rank() == 1 || slice.rank() == 2, "{} has shape {}", param.name, shape.str());
  if (slice.rank() == 1) return {batch, slice[0]};
  const int64_t n = slice[0], m = slice[1];
  if (std::min(n, m) < factor_from) return {batch, n * m};
  return {batch, n, m};
}

// The arguments of the kernels are prepared along with the state, so that a step allocates nothing.
class Adafactor final : public Optimizer {
 public:
  Adafactor(const OptimizerSection& config, ParamStore& params)
      : config_(config), params_(params) {}

  void plan(Arena& arena) override;
  void apply(Exec& exec, const Update& update) override;
  const std::vector<OptimizerTensor>& state() const override { return state_; }

 private:
  OptimizerSection config_;
  ParamStore& params_;
  std::vector<AdafactorMatrix> matrices_;
  std::vector<AdafactorVector> vectors_;
  std::vector<OptimizerTensor> state_;
};

void Adafactor::plan(Arena& arena) {
  matrices_.clear();
  vectors_.clear();
  state_.clear();
  for (const Param& param : params_.all()) {
    // The update takes means over rows, columns and whole matrices, here over the local shard
    // alone.
    SY_CHECK(param.slab.numel() / param.placement.slices(param.slab.extent) ==
                 param.placement.slice_shape(param.shape).numel(),
             "Adafactor of {} cut to {}", param.name, param.slab.str());
    const Placement placement = param.placement.only(MeshAxis::expert);
    const Shape local = batched(param, param.value.shape(), config_.factor_from);
    const Shape global = batched(param, param.shape, config_.factor_from);
    const auto take = [&](const char* name, int axis) {
      const std::string full = "optimizer/" + param.name + name;
      const Tensor moment = arena.take(param.value.dtype(), {local[0], local[axis]}, full);
      state_.push_back({full, placement, moment, {global[0], global[axis]}});
      return moment;
    };
    const Tensor value = param.value.view(local), grad = param.grad.view(local);
    const Tensor rounded = param.has_copy() ? param.compute.view(local) : Tensor();
    if (local.rank() == 2) {
      vectors_.push_back({value, take("/second", 1), grad, rounded});
    } else {
      const Tensor row = take("/row", 1), col = take("/col", 2);
      matrices_.push_back({value, row, col, grad, rounded});
    }
  }
}

void Adafactor::apply(Exec& exec, const Update& update) {
  AdafactorStep step;
  step.learning_rate = update.learning_rate;
  step.decay = 1.0 - std::pow(static_cast<double>(update.step), -config_.decay_exponent);
  step.update_clip = config_.update_clip;
  step.clip = update.clip;
  step.weight_decay = config_.weight_decay;
  adafactor_matrices(exec, matrices_, step);
  adafactor_vectors(exec, vectors_, step);
}

}  // namespace

std::unique_ptr<Optimizer> make_adafactor(const OptimizerSection& config, ParamStore& params) {
  return std::make_unique<Adafactor>(config, params);
}

}  // namespace sy
