// SPDX-License-Identifier: Apache-2.0
#include "lib/bench/step_bench.h"

#include <cmath>
#include <initializer_list>
#include <limits>

#include "lib/base/numeric.h"
#include "lib/measure/datasheet.h"
#include "lib/measure/gemm_rate.h"
#include "lib/measure/own_process.h"
#include "lib/tensor/cuda/cuda_device.h"
#include "lib/tensor/memory.h"

namespace sy {
namespace {

constexpr int64_t kProfiledRounds = 2;

// The rounds of one model.
struct Rounds {
  BenchRun& run;
  std::vector<double> seconds = {}, tokens_per_second = {}, of_products = {}, mfu = {};
  double profiled_seconds = 0;

  void take(double product_rate, double matrix_rate) {
    const double spent = run.step();
    seconds.push_back(spent);
    tokens_per_second.push_back(static_cast<double>(run.tokens()) / spent);
    of_products.push_back(run.model_flops() / spent / product_rate);
    mfu.push_back(run.model_flops() / spent / matrix_rate);
  }

  StepTiming timing(std::optional<double> datasheet_rate) const {
    StepTiming timing;
    timing.step_seconds = median(seconds);
    timing.tokens_per_second = median(tokens_per_second);
    timing.model_flops = run.model_flops();
    timing.flops_per_second = timing.model_flops / timing.step_seconds;
    timing.of_product_rate = median(of_products);
    timing.mfu_of_measured = median(mfu);
    if (datasheet_rate) timing.mfu_of_peak = timing.flops_per_second / *datasheet_rate;
    timing.loss = run.loss();
    double claimed = 0;
    for (size_t part = 0; part < timing.share.size(); ++part) {
      timing.share[part] = run.profiler().seconds(static_cast<Part>(part)) / profiled_seconds;
      claimed += timing.share[part];
    }
    timing.share[static_cast<size_t>(Part::other)] += 1 - claimed;
    return timing;
  }
};

// A rank whose GPU is not known makes the sum not a number.
std::optional<double> sum_of_datasheets(Communicator& world, const std::string& device,
                                        DType dtype) {
  double rate = datasheet_rate(device, dtype).value_or(std::numeric_limits<double>::quiet_NaN());
  world.all_reduce_sum(Tensor(&rate, DType::f64, {1}), "data sheets");
  return std::isnan(rate) ? std::nullopt : std::optional(rate);
}

// Of each number, the most that any rank has.
void take_most(Communicator& world, std::initializer_list<int64_t*> numbers) {
  for (int64_t* number : numbers) {
    auto most = static_cast<double>(*number);
    world.all_reduce_max(Tensor(&most, DType::f64, {1}), "memory");
    *number = static_cast<int64_t>(most);
  }
}

double sum_over(Communicator& world, double value) {
  world.all_reduce_sum(Tensor(&value, DType::f64, {1}), "benchmark");
  return value;
}

RunConfig dense_twin(RunConfig config) {
  config.model.experts.count = 0;
  return config;
}

}  // namespace

StepBench bench_step(const RunConfig& config, Communicator& world, const RankResources& resources,
                     const StepBenchOptions& options) {
  StepBench result;
  result.ranks = world.size();
  const int threads = resources.threads;
  result.threads = threads;
  result.resident_before = resident_bytes();
  BenchRun run(config, world, resources, options.data);
  result.resident = resident_bytes();
  result.resident_peak = peak_resident_bytes();
  result.first_step_seconds = run.first_step_seconds();
  result.memory = run.memory();
  take_most(world, {&result.resident_before, &result.resident, &result.resident_peak,
                    &result.memory.model.parameters, &result.memory.model.gradients,
                    &result.memory.model.activations, &result.memory.model.scratch,
                    &result.memory.optimizer});
  result.parameters = run.session().model.params().global_count();
  const DataSection& data = run.session().config.data;
  result.kaplan_flops = SwitchModel::kaplan_flops_per_sequence(
      run.session().config.model, data.encoder_length, data.decoder_length.value);
  std::optional<BenchRun> twin_run;
  if (options.twin) twin_run.emplace(dense_twin(config), world, resources, options.data);
  GemmRate products(run.products(), run.session().exec.backend, threads);
  Rounds model{run}, twin{options.twin ? *twin_run : run};
  std::vector<double> product_rates, matrix_rates, ratios;
  for (int64_t round = 0; round < options.rounds; ++round) {
    world.barrier("round");
    product_rates.push_back(sum_over(world, products.measure()));
    matrix_rates.push_back(
        sum_over(world, measure_peak_gemm_rate(run.session().exec.backend, threads,
                                               run.session().model.params().dtype())));
    model.take(product_rates.back(), matrix_rates.back());
    if (!options.twin) continue;
    twin.take(product_rates.back(), matrix_rates.back());
    ratios.push_back(model.seconds.back() / twin.seconds.back());
  }
  for (int64_t round = 0; round < kProfiledRounds; ++round) {
    model.profiled_seconds += run.profiled_step();
    if (options.twin) twin.profiled_seconds += twin_run->profiled_step();
  }
  result.product_rate = median(product_rates);
  result.matrix_rate = median(matrix_rates);
  const Exec& exec = run.session().exec;
  result.device = exec.backend == Backend::cuda ? cuda_device_name() : name_of(exec.backend);
  result.datasheet_rate =
      sum_of_datasheets(world, result.device, run.session().model.params().dtype());
  result.model = model.timing(result.datasheet_rate);
  if (options.twin) {
    result.twin = twin.timing(result.datasheet_rate);
    result.twin_ratio = median(ratios);
  }
  return result;
}

}  // namespace sy
