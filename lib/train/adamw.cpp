#include "kernels/adamw.h"

#include "lib/train/optimizer_kinds.h"

namespace sy {
namespace {

// The moments of a group are laid out as its values and gradients are, so that all of it is one
// region to update. What lies between parameters is zero in all four and stays so.
class AdamW final : public Optimizer {
 public:
  AdamW(const OptimizerSection& config, ParamStore& params) : config_(config), params_(params) {}

  void plan(Arena& arena) override;
  void apply(Exec& exec, const Update& update) override;
  const std::vector<OptimizerTensor>& state() const override { return state_; }

 private:
  struct Region {
    ParamGroup group;
    Tensor first, second;
  };

  OptimizerSection config_;
  ParamStore& params_;
  Region regions_[2] = {{ParamGroup::replicated, {}, {}}, {ParamGroup::expert, {}, {}}};
  std::vector<OptimizerTensor> state_;
};

void AdamW::plan(Arena& arena) {
  for (Region& region : regions_) {
    const Tensor values = params_.flat_values(region.group);
    if (values.empty()) continue;
    region.first = arena.take(values.dtype(), values.shape(), "first moments");
    region.second = arena.take(values.dtype(), values.shape(), "second moments");
  }
  state_.clear();
  for (const Param& param : params_.all()) {
    const Region& region = regions_[static_cast<int>(param.group)];
    const std::string prefix = "optimizer/" + param.name;
    state_.push_back({prefix + "/first", &param, param.part_of(region.first), param.shape});
    state_.push_back({prefix + "/second", &param, param.part_of(region.second), param.shape});
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
  for (const Region& region : regions_) {
    if (region.first.empty()) continue;
    adamw(exec, params_.flat_values(region.group), region.first, region.second,
          params_.flat_grads(region.group), step);
  }
}

}  // namespace

std::unique_ptr<Optimizer> make_adamw(const OptimizerSection& config, ParamStore& params) {
  return std::make_unique<AdamW>(config, params);
}

}  // namespace sy
