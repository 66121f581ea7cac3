#include "lib/train/adamw.h"

#include "kernels/adamw.h"

namespace sy {
namespace {

Tensor flat(Tensor tensor) {
  return tensor.view({tensor.numel()});
}

}  // namespace

AdamWOptimizer::AdamWOptimizer(const OptimizerSection& config, ParamStore& params)
    : config_(config) {
  for (Param& param : params.all()) slots_.push_back({&param, {}, {}});
}

void AdamWOptimizer::plan(Arena& arena) {
  state_.clear();
  for (Slot& slot : slots_) {
    const Param& param = *slot.param;
    const std::string prefix = "optimizer/" + param.name;
    slot.first = arena.take(param.value.dtype(), param.value.shape(), prefix + "/first");
    slot.second = arena.take(param.value.dtype(), param.value.shape(), prefix + "/second");
    state_.push_back({prefix + "/first", &param, slot.first, param.shape});
    state_.push_back({prefix + "/second", &param, slot.second, param.shape});
  }
}

void AdamWOptimizer::apply(Exec& exec, const Update& update) {
  AdamWStep step;
  step.learning_rate = update.learning_rate;
  step.beta1 = config_.beta1;
  step.beta2 = config_.beta2;
  step.epsilon = config_.epsilon;
  step.weight_decay = config_.weight_decay;
  step.clip = update.clip;
  step.step = update.step;
  for (const Slot& slot : slots_) {
    adamw(exec, flat(slot.param->value), flat(slot.first), flat(slot.second),
          flat(slot.param->grad), step);
  }
}

}  // namespace sy
