#include "lib/train/adafactor.h"

#include <cmath>

#include "kernels/adafactor.h"

namespace sy {
namespace {

bool is_expert(const Param& param) {
  return param.group == ParamGroup::expert;
}

// A parameter as [batch, n, m] (matrices) or [batch, n] (vectors); the batch is the experts, or 1.
Shape batched(const Param& param, const Shape& shape) {
  const int first = is_expert(param) ? 1 : 0;
  const int64_t batch = is_expert(param) ? shape[0] : 1;
  SY_CHECK(shape.rank() - first >= 1 && shape.rank() - first <= 2, "{} has shape {}", param.name,
           shape.str());
  if (shape.rank() - first == 1) return {batch, shape[first]};
  return {batch, shape[first], shape[first + 1]};
}

}  // namespace

AdafactorOptimizer::AdafactorOptimizer(const OptimizerSection& config, ParamStore& params)
    : config_(config) {
  for (Param& param : params.all()) slots_.push_back({&param, {}, {}});
}

void AdafactorOptimizer::plan(Arena& arena) {
  state_.clear();
  for (Slot& slot : slots_) {
    const Param& param = *slot.param;
    const Shape local = batched(param, param.value.shape()), global = batched(param, param.shape);
    const std::string prefix = "optimizer/" + param.name;
    slot.row = arena.take(param.value.dtype(), {local[0], local[1]}, prefix + "/row");
    state_.push_back({prefix + "/row", &param, slot.row, {global[0], global[1]}});
    if (local.rank() == 2) continue;
    slot.col = arena.take(param.value.dtype(), {local[0], local[2]}, prefix + "/col");
    state_.push_back({prefix + "/col", &param, slot.col, {global[0], global[2]}});
  }
}

void AdafactorOptimizer::apply(Exec& exec, const Update& update) {
  AdafactorStep step;
  step.learning_rate = update.learning_rate;
  step.decay = 1.0 - std::pow(static_cast<double>(update.step), -config_.decay_exponent);
  step.update_clip = config_.update_clip;
  step.gradient_scale = update.gradient_scale;
  step.weight_decay = config_.weight_decay;
  for (const Slot& slot : slots_) {
    const Param& param = *slot.param;
    const Shape shape = batched(param, param.value.shape());
    const Tensor value = param.value.view(shape), grad = param.grad.view(shape);
    if (slot.col.empty()) {
      adafactor_vector(exec, value, slot.row, grad, step);
    } else {
      adafactor_matrix(exec, value, slot.row, slot.col, grad, step);
    }
  }
}

}  // namespace sy
