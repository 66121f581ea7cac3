// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw/adamw.h"

#include "lib/train/optimizer/optimizer.h"

namespace sy {
namespace {

// Moments have the layout of the values and gradients of a region, so that a region is updated as a
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
    const Tensor& values = region.values;
    const Tensor first = arena.take(values.dtype(), values.shape(), "first moments");
    const Tensor second = arena.take(values.dtype(), values.shape(), "second moments");
    moments_.push_back({first, second});
  }
  state_.clear();
  for (const Param& param : params_.all()) {
    const Moments& moments = moments_[params_.region_of(param)];
    const Placement& placement = param.placement;
    const std::string prefix = "optimizer/" + param.name;
    state_.push_back({prefix + "/first", placement, param.part_of(moments.first), param.shape});
    state_.push_back({prefix + "/second", placement, param.part_of(moments.second), param.shape});
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
    adamw(exec, region.values, moments_[i].first, moments_[i].second, region.grads, step,
          region.compute);
  }
}

}  // namespace

std::unique_ptr<Optimizer> make_adamw(const OptimizerSection& config, ParamStore& params) {
  return std::make_unique<AdamW>(config, params);
}

}  // namespace sy
