// SPDX-License-Identifier: Apache-2.0
#include "tests/train/plain_training.h"

#include <algorithm>
#include <cmath>

namespace sy::test {
namespace {

// Tensors with three axes are stacks of experts; nothing else has three.
int64_t parts_of(const Param& param) {
  return param.shape.rank() == 3 ? param.shape[0] : 1;
}

double plain_rate(const OptimizerSection& optimizer, int64_t step, int64_t total) {
  const double t = static_cast<double>(step), w = static_cast<double>(optimizer.warmup_steps);
  if (optimizer.schedule == ScheduleName::rsqrt) {
    return optimizer.learning_rate / std::sqrt(std::max(t, w));
  }
  if (t < w) return optimizer.learning_rate * t / w;
  return optimizer.learning_rate * (static_cast<double>(total) - t) /
         (static_cast<double>(total) - w);
}

Numbers slice(const Numbers& all, int64_t part, int64_t parts) {
  const int64_t size = static_cast<int64_t>(all.size()) / parts;
  return {all.begin() + part * size, all.begin() + (part + 1) * size};
}

void append(Numbers& all, const Numbers& part) {
  all.insert(all.end(), part.begin(), part.end());
}

Numbers numbers_of(Tensor x) {
  return {x.data<double>(), x.data<double>() + x.numel()};
}

}  // namespace

PlainTraining::PlainTraining(const RunConfig& config, ParamStore& start)
    : config_(config),
      model_(
          config.model,
          {config.train.global_batch, config.data.encoder_length, config.data.decoder_length.value},
          DType::f64, true, 1, Backend::cpu),
      batch_(*model_.exec, config.train.global_batch, config.train.global_batch,
             config.data.encoder_length, config.data.decoder_length.value) {
  for (const Param& param : start.all()) {
    const float* values = param.value.data<float>();
    weights[param.name] = {values, values + param.value.numel()};
  }
}

PlainStep PlainTraining::step(const std::vector<Example>& global_batch) {
  ++steps_;
  ParamStore& params = model_.model.params();
  for (Param& param : params.all()) {
    const Numbers& values = weights.at(param.name);
    std::copy(values.begin(), values.end(), param.value.data<double>());
  }
  double targets = 0;
  for (const Example& example : global_batch)
    targets += static_cast<double>(example.targets.size());
  const double sequences = static_cast<double>(global_batch.size());
  const ExpertsSection& experts = config_.model.experts;
  const int64_t length = config_.data.encoder_length;
  const int64_t tokens = experts.group_tokens.encoder.is_auto ? experts.group_sequences * length
                                                              : experts.group_tokens.encoder.value;
  const double groups = sequences * static_cast<double>(length) / static_cast<double>(tokens);
  model_.step.seed = static_cast<uint64_t>(config_.run.seed);
  model_.step.step = static_cast<uint32_t>(steps_);
  model_.step.loss_scale = 1 / targets;
  model_.step.group_scale = 1 / groups;
  model_.step.logit_z_loss = config_.train.logit_z_loss;
  model_.clear_gradients();
  model_.model.clear_stats(*model_.exec);
  batch_.fill(global_batch);
  const Batch all = batch_.micro_batch(0);

  PlainStep result;
  result.loss = model_.model.forward(*model_.exec, all, model_.step) / targets;
  model_.model.backward(*model_.exec, all, model_.step);
  result.balance_loss = *model_.model.router_stats().balance.data<double>() / groups;
  result.z_loss = *model_.model.router_stats().z.data<double>() / groups;
  result.logit_z_loss = *model_.model.logit_z_sum().data<double>() / targets;
  count_tokens(result);
  double squares = 0;
  for (const Param& param : params.all()) {
    for (const double g : numbers_of(param.grad)) squares += g * g;
  }
  result.grad_norm = std::sqrt(squares);
  result.learning_rate = plain_rate(config_.optimizer, steps_, config_.train.steps);

  const double clip = config_.optimizer.clip_norm;
  const double factor = clip > 0 ? std::min(1.0, clip / result.grad_norm) : 1.0;
  state.clear();
  for (const Param& param : params.all()) {
    weights[param.name].clear();
    for (int64_t part = 0; part < parts_of(param); ++part) {
      update_part(param, part, parts_of(param), factor, {steps_, result.learning_rate, {}});
    }
  }
  return result;
}

// Updates a parameter from its gradient; appends to weights and state.
void PlainTraining::update_part(const Param& param, int64_t part, int64_t parts, double factor,
                                const Update& update) {
  const OptimizerSection& optimizer = config_.optimizer;
  Numbers w = slice(numbers_of(param.value), part, parts);
  Numbers g = slice(numbers_of(param.grad), part, parts);
  for (double& value : g) value *= factor;
  const std::string name = "optimizer/" + param.name;
  if (optimizer.name == OptimizerName::adamw) {
    std::vector<PlainAdamW>& all = adamw_[param.name];
    if (static_cast<int64_t>(all.size()) == part) all.emplace_back(w.size());
    PlainAdamW& plain = all[static_cast<size_t>(part)];
    plain.step(w, g, update, optimizer);
    append(state[name + "/first"], plain.first);
    append(state[name + "/second"], plain.second);
  } else {
    const int axes = param.shape.rank() - (parts > 1 ? 1 : 0);
    const int64_t m = param.shape[param.shape.rank() - 1];
    const int64_t n = static_cast<int64_t>(w.size()) / m;
    const bool factored = axes == 2 && std::min(n, m) >= optimizer.factor_from;
    std::vector<PlainAdafactor>& all = adafactor_[param.name];
    if (static_cast<int64_t>(all.size()) == part) {
      all.emplace_back(factored ? static_cast<size_t>(n) : w.size(),
                       factored ? static_cast<size_t>(m) : 1, factored);
    }
    PlainAdafactor& plain = all[static_cast<size_t>(part)];
    plain.step(w, g, update, optimizer);
    append(state[name + (factored ? "/row" : "/second")], plain.row);
    if (factored) append(state[name + "/col"], plain.col);
  }
  append(weights[param.name], w);
}

void PlainTraining::count_tokens(PlainStep& step) const {
  const Tensor counts = const_cast<ModelFixture&>(model_).model.router_stats().counts;
  const int64_t experts = config_.model.experts.count;
  double routed = 0, dropped = 0;
  for (int64_t layer = 0; layer < counts.dim(0); ++layer) {
    const int32_t* row = counts.at(layer).data<int32_t>();
    double layer_routed = 0;
    for (int64_t e = 0; e < experts; ++e) layer_routed += row[e];
    step.expert_load_max =
        std::max(step.expert_load_max, *std::max_element(row, row + experts) *
                                           static_cast<double>(experts) / layer_routed);
    const double* confidence =
        const_cast<ModelFixture&>(model_).model.router_stats().confidence.data<double>();
    step.dropped_fractions.push_back(row[experts] / layer_routed);
    step.load_maxima.push_back(*std::max_element(row, row + experts) *
                               static_cast<double>(experts) / layer_routed);
    step.entropies.push_back(confidence[3 * layer + 1] / layer_routed);
    step.top_probabilities.push_back(confidence[3 * layer + 2] / layer_routed);
    routed += layer_routed;
    dropped += row[experts];
  }
  step.dropped_fraction = dropped / routed;
}

}  // namespace sy::test
