// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/announce.h"

#include <optional>

#include "lib/base/log.h"
#include "lib/measure/known_devices.h"
#include "lib/measure/measure_device.h"
#include "lib/measure/own_process.h"
#include "lib/plan/reference_step.h"
#include "lib/plan/step_time.h"
#include "lib/tensor/cuda/cuda_device.h"

namespace sy {
namespace {

constexpr double kWorthMeasuring = 60;  // seconds of a run
constexpr double kFastCore = 100e9;     // FLOP/s, more than a step reaches on most

// Seconds that the run takes on fast cores. What is not known before the tokenizer is read, is
// taken as T5 has it.
double least_seconds(const RunConfig& config, int ranks, int threads) {
  ModelSection model = config.model;
  if (model.vocab_size.is_auto) model.vocab_size.value = 32128;
  const int64_t inputs = config.data.encoder_length;
  const AutoInt& targets = config.data.decoder_length;
  const double flops =
      SwitchModel::flops_per_sequence(model, inputs, targets.is_auto ? inputs / 4 : targets.value);
  return static_cast<double>(config.train.steps) * static_cast<double>(config.train.global_batch) *
         flops / (kFastCore * ranks * threads);
}

// All ranks wait for the one with the fewest.
int fewest_threads(int threads, Communicator& world) {
  double fewest = -threads;
  world.all_reduce_max(Tensor(&fewest, DType::f64, {1}), "fewest threads");
  return static_cast<int>(-fewest);
}

// `threads`: the same on every rank, as what follows is collective.
std::optional<Device> device_at_hand(const RunConfig& config, Backend backend, MpiEnvironment& mpi,
                                     const RankResources& resources, int threads) {
  if (backend == Backend::cuda) return known_device_of(cuda_device_name());
  Communicator& world = mpi.world();
  if (least_seconds(config, world.size(), threads) < kWorthMeasuring) return std::nullopt;
  const Device device = with_reference_step(measure_device(mpi, resources.threads), world,
                                            resources, config.model.dropout > 0);
  forget_peak_resident();  // the run's own is logged at its end
  return device;
}

StepTime time_of_step(const RunConfig& config, int ranks, int threads, const Device& device) {
  const PlanInput input = plan_input(config, ranks, threads, device.gpu);
  RankPlan first(input, 0);
  return estimate_step(input, first, largest_memory(input, first), device);
}

}  // namespace

double announce_step_time(const RunConfig& config, Backend backend, MpiEnvironment& mpi,
                          const RankResources& resources) {
  Communicator& world = mpi.world();
  const int threads = fewest_threads(resources.threads, world);
  const std::optional<Device> device = device_at_hand(config, backend, mpi, resources, threads);
  if (!device || world.rank() != 0) return 0;
  const StepTime time = time_of_step(config, world.size(), threads, *device);
  log::info(
      "planned: {:.4g} s a step, {:.4g} tokens/s (products {:.4g} s, attention {:.4g}, elementwise "
      "{:.4g}, update {:.4g}, wire {:.4g}, waiting {:.4g}; {})",
      time.total(), time.tokens_per_second, time.products, time.attention, time.elementwise,
      time.update, time.wire, time.waiting, device->source);
  return time.total();
}

}  // namespace sy
