// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/reference_step.h"

#include <algorithm>
#include <array>

#include "lib/base/numeric.h"
#include "lib/bench/bench_run.h"
#include "lib/measure/own_process.h"
#include "lib/measure/probes.h"
#include "lib/plan/step_time.h"
#include "lib/train/stop_signal.h"

namespace sy {
namespace {

// Enough to span a moment in which a shared machine is busy.
constexpr int kSteps = 15, kDropoutSteps = 7;

// The kinds of layer that a pre-training has, in a tenth of a second of one core.
RunConfig reference_config(double dropout) {
  RunConfig config;
  config.backend = BackendChoice::cpu;
  ModelSection& model = config.model;
  model.vocab_size = {.is_auto = false, .value = 8192};
  model.d_model = 256;
  model.d_kv = 64;
  model.num_heads = 4;
  model.d_ff = 1024;
  model.encoder_layers = model.decoder_layers = 2;
  model.dropout = dropout;
  model.experts.count = 8;
  model.experts.group_sequences = 4;
  model.experts.eval_capacity_factor =
      model.experts.capacity_factor;  // all that is planned is used
  config.data.encoder_length = 256;
  config.data.decoder_length = {.is_auto = false, .value = 64};
  config.data.train = config.data.validation = {"none"};
  config.data.streams = 1;
  config.train.global_batch = config.train.micro_batch = 4;
  config.train.eval_every = 0;
  return config;
}

enum Measured : size_t { products, attention, update, elsewhere, kMeasured };
using Seconds = std::array<double, kMeasured>;

// Of one step on this rank.
Seconds time_step(BenchRun& run) {
  const auto so_far = [&](Part part) { return run.profiler().seconds(part); };
  const Seconds before{so_far(Part::gemm), so_far(Part::attention), so_far(Part::optimizer)};
  Seconds seconds{};
  seconds[elsewhere] = run.profiled_step();
  const Seconds after{so_far(Part::gemm), so_far(Part::attention), so_far(Part::optimizer)};
  for (size_t part = products; part < elsewhere; ++part) {
    seconds[part] = after[part] - before[part];
    seconds[elsewhere] -= seconds[part];
  }
  return seconds;
}

// Whether any rank was told to stop. All ranks leave it together.
bool one_stops(Communicator& world) {
  double stops = stop_requested() ? 1 : 0;
  world.all_reduce_max(Tensor(&stops, DType::f64, {1}), "reference step");
  return stops > 0;
}

struct Found {
  Seconds seconds{};           // of a step, medians of the slowest rank
  double unplanned_bytes = 0;  // most of any rank
};

Found run_steps(const RunConfig& config, Communicator& world, const RankResources& resources,
                int steps) {
  const std::unique_ptr<Communicator> alone = make_self_communicator();
  forget_peak_resident();
  BenchRun run(config, *alone, resources, BenchData::synthetic);
  std::array<std::vector<double>, kMeasured> all;
  for (int step = 0; step < steps; ++step) {
    if (one_stops(world) && step > 0) break;
    const Seconds seconds = time_step(run);
    for (size_t part = 0; part < kMeasured; ++part) all[part].push_back(seconds[part]);
  }
  Found found;
  for (size_t part = 0; part < kMeasured; ++part) {
    found.seconds[part] = spread_of(world, median(all[part])).max;
  }
  const int64_t unplanned = peak_resident_bytes() - run.memory().total();
  found.unplanned_bytes = spread_of(world, static_cast<double>(unplanned)).max;
  return found;
}

}  // namespace

Device with_reference_step(Device device, Communicator& world, const RankResources& resources,
                           bool dropout_too) {
  if (device.gpu) return device;
  const RunConfig config = reference_config(0);
  const PlanInput input{config, nullptr, {1, 1, 1}, resources.threads};
  RankPlan plan(input, 0);
  const StepWork work = step_work(input, plan, plan.step.memory());
  const auto [seconds, unplanned] = run_steps(config, world, resources, kSteps);
  // Of the time of products, at least half is computing.
  const double moving = product_bytes(work.products) / device.memory_bytes_per_second;
  const double computing = std::max(seconds[products] - moving, seconds[products] / 2);
  const double reached = product_seconds(work.products, device, device.float32_flops) / computing;
  // Large squares measured in a busy moment can be slower than the step was.
  device.float32_flops *= std::max(reached, 1.0);
  device.product_efficiency = std::min(reached, 1.0);
  const double rate = device.float32_flops;
  device.attention_efficiency = work.attention_flops / (rate * seconds[attention]);
  device.activation_bytes_per_second = work.activation_bytes / seconds[elsewhere];
  device.update_bytes_per_second = work.update_bytes / seconds[update];
  device.unplanned_bytes = unplanned;
  if (!dropout_too) return device;
  const Seconds dropout = run_steps(reference_config(0.1), world, resources, kDropoutSteps).seconds;
  device.dropout_attention_efficiency = work.attention_flops / (rate * dropout[attention]);
  device.dropout_activation_bytes_per_second = work.activation_bytes / dropout[elsewhere];
  return device;
}

}  // namespace sy
