#include "lib/train/adafactor.h"

#include <algorithm>
#include <cmath>

#include "kernels/adafactor.h"

namespace sy {
namespace {

bool is_expert(const Param& param) {
  return param.group == ParamGroup::expert;
}

// A parameter as [batch, n, m] (matrices) or [batch, n] (vectors, and matrices that are not
// factored); the batch is the experts, or 1.
Shape batched(const Param& param, const Shape& shape, int64_t factor_from) {
  const int first = is_expert(param) ? 1 : 0;
  const int64_t batch = is_expert(param) ? shape[0] : 1;
  SY_CHECK(shape.rank() - first >= 1 && shape.rank() - first <= 2, "{} has shape {}", param.name,
           shape.str());
  if (shape.rank() - first == 1) return {batch, shape[first]};
  const int64_t n = shape[first], m = shape[first + 1];
  if (std::min(n, m) < factor_from) return {batch, n * m};
  return {batch, n, m};
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
    const Shape local = batched(param, param.value.shape(), config_.factor_from);
    const Shape global = batched(param, param.shape, config_.factor_from);
    const auto take = [&](const char* name, int axis) {
      const std::string full = "optimizer/" + param.name + name;
      const Tensor moment = arena.take(param.value.dtype(), {local[0], local[axis]}, full);
      state_.push_back({full, &param, moment, {global[0], global[axis]}});
      return moment;
    };
    if (local.rank() == 2) {
      slot.row = take("/second", 1);
    } else {
      slot.row = take("/row", 1);
      slot.col = take("/col", 2);
    }
  }
}

void AdafactorOptimizer::apply(Exec& exec, const Update& update) {
  AdafactorStep step;
  step.learning_rate = update.learning_rate;
  step.decay = 1.0 - std::pow(static_cast<double>(update.step), -config_.decay_exponent);
  step.update_clip = config_.update_clip;
  step.clip = update.clip;
  step.weight_decay = config_.weight_decay;
  for (const Slot& slot : slots_) {
    const Param& param = *slot.param;
    const Shape shape = batched(param, param.value.shape(), config_.factor_from);
    const Tensor value = param.value.view(shape), grad = param.grad.view(shape);
    if (slot.col.empty()) {
      adafactor_vector(exec, value, slot.row, grad, step);
    } else {
      adafactor_matrix(exec, value, slot.row, slot.col, grad, step);
    }
  }
}

}  // namespace sy
