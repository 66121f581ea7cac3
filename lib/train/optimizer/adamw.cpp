// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw/adamw.h"

#include "lib/train/optimizer/optimizer.h"

namespace sy {
namespace {

// Moments have the layout of the values and gradients of a region's own run, which is updated as a
// whole. The padding between parameters is zero in all four tensors and stays so.
class AdamW final : public Optimizer {
 public:
  AdamW(const OptimizerSection& config, ParamStore& params) : config_(config), params_(params) {}

  void plan(Arena& arena) override;
  void apply(Exec& exec, const Update& update) override;
  const std::vector<OptimizerTensor>& state() const override { return state_; }

 private:
  struct Moments {
    Tensor first, second;
  };

  OptimizerSection config_;
  ParamStore& params_;
  std::vector<Moments> moments_;  // one per region of params_
  std::vector<OptimizerTensor> state_;
};

void AdamW::plan(Arena& arena) {
  moments_.clear();
  for (const ParamRegion& region : params_.regions()) {
    const Tensor& values = region.master;
    const Tensor first = arena.take(values.dtype(), values.shape(), "first moments");
    const Tensor second = arena.take(values.dtype(), values.shape(), "second moments");
    moments_.push_back({first, second});
  }
  state_.clear();
  for (const Param& param : params_.all()) {
    const size_t region = params_.region_of(param);
    const auto add = [&](const char* name, Tensor moments) {
      const Tensor own = param.own_part_of_run(moments, params_.regions()[region].own.first);
      state_.push_back(
          {"optimizer/" + param.name + name, param.placement, own, param.shape, &param});
    };
    add("/first", moments_[region].first);
    add("/second", moments_[region].second);
  }
}

void AdamW::apply(Exec& exec, const Update& update) {
  AdamWStep step;
  step.learning_rate = update.learning_rate;
  step.beta1 = config_.beta1;
  step.beta2 = config_.beta2;
  step.epsilon = config_.epsilon;
  step.weight_decay = config_.weight_decay;
  step.clip = update.clip;
  step.step = update.step;
  for (size_t i = 0; i < moments_.size(); ++i) {
    const ParamRegion& region = params_.regions()[i];
    if (region.own.count == 0) continue;
    const Tensor rounded = region.compute.empty()
                               ? Tensor()
                               : region.compute.slice(region.own.first, region.own.count);
    adamw(exec, region.master, moments_[i].first, moments_[i].second, region.own_grads(), step,
          rounded);
  }
}

}  // namespace

std::unique_ptr<Optimizer> make_adamw(const OptimizerSection& config, ParamStore& params) {
  return std::make_unique<AdamW>(config, params);
}

}  // namespace sy
