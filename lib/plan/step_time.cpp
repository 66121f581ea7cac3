// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/step_time.h"

#include <algorithm>

#include "lib/config/config.h"
#include "lib/plan/wire.h"

namespace sy {
namespace {

// Every saved activation is written once and read once, and about as much passes through memory
// without being saved.
constexpr double kPassesOverActivations = 4;

double device_flops(const Device& device, Precision precision) {
  if (precision == Precision::float32) return device.float32_flops;
  if (device.bfloat16_flops > 0) return device.bfloat16_flops;
  throw ConfigError(
      fmt::format("precision: bfloat16: the device {} has no rate for it (bfloat16_flops); use "
                  "float32",
                  device.name));
}

// FLOPs of a sequence that backward computes again.
double recomputed_flops(const RunConfig& config, double forward) {
  if (config.train.recompute == Recompute::none) return 0;
  if (config.train.recompute == Recompute::blocks) return forward;
  const ModelSection& model = config.model;
  const double first_products = model.activation == Activation::geglu ? 2 : 1;
  const auto of_stack = [&](Stack stack, int64_t tokens) {
    return 2.0 * first_products * static_cast<double>(count_sparse_layers(model, stack)) *
           static_cast<double>(tokens * model.experts.top_k) *
           static_cast<double>(model.d_model * model.d_ff);
  };
  return of_stack(Stack::encoder, config.data.encoder_length) +
         of_stack(Stack::decoder, config.data.decoder_length.value);
}

// Bytes of activations that pass through memory in a micro-batch, whatever is kept of them.
double activation_bytes(const PlanInput& input, const TrainStep::Memory& memory) {
  if (input.config.train.recompute == Recompute::none) {
    return static_cast<double>(memory.model.activations);
  }
  PlanInput kept = input;
  kept.config.train.recompute = Recompute::none;
  return static_cast<double>(RankPlan(kept, 0).step.memory().model.activations);
}

}  // namespace

StepTime estimate_step(const PlanInput& input, RankPlan& first, const TrainStep::Memory& memory,
                       const Device& device) {
  const RunConfig& config = first.session.config;
  const int64_t inputs = config.data.encoder_length, targets = config.data.decoder_length.value;
  const double flops = SwitchModel::flops_per_sequence(config.model, inputs, targets);
  const double sequences = static_cast<double>(first.session.sequences_per_rank()) /
                           static_cast<double>(input.shape.model);
  const double micro_batches = static_cast<double>(first.session.micro_batches());
  const double rate = device_flops(device, config.precision);
  const auto weights =
      static_cast<double>(first.session.model.params().local_count() *
                          static_cast<int64_t>(size_of(first.session.model.params().dtype())));
  const auto gradients = static_cast<double>(memory.model.gradients);
  const double bandwidth = device.memory_bytes_per_second;
  StepTime time;
  const double computed = sequences * (flops + recomputed_flops(config, flops / 3));
  const double by_flops = computed / (rate * device.product_efficiency);
  // Forward and backward each read the weights; backward adds to the gradients.
  const double by_weights = micro_batches * (2 * weights + 2 * gradients) / bandwidth;
  time.products = std::max(by_flops, by_weights);
  time.elementwise =
      micro_batches * kPassesOverActivations * activation_bytes(input, memory) / bandwidth;
  time.update = (2 * static_cast<double>(memory.model.parameters) + gradients +
                 2 * static_cast<double>(memory.optimizer)) /
                bandwidth;
  time.wire = wire_seconds(first.step.traffic(), input.shape, first.session.model.params(), device);
  const auto batch = static_cast<double>(config.train.global_batch);
  time.tokens_per_second = batch * static_cast<double>(inputs + targets) / time.total();
  time.mfu = sequences * flops / (time.total() * rate);
  return time;
}

}  // namespace sy
