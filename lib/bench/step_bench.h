// Times whole training steps beside the products they are made of and, on request, beside the dense
// twin. All run in turn, round after round, so that each ratio is of one moment of the machine;
// figures are medians over the rounds.
#pragma once

#include <array>
#include <optional>

#include "lib/bench/bench_run.h"

namespace sy {

struct StepBenchOptions {
  int64_t rounds = 7;
  BenchData data = BenchData::synthetic;
  bool twin = false;  // also the same model with experts.count: 0
};

// A model's steps.
struct StepTiming {
  double step_seconds = 0;
  double tokens_per_second = 0;  // input + target of the global batch, not padding
  double model_flops = 0;        // of a step, all ranks, by formula
  double flops_per_second = 0;
  double of_product_rate = 0;  // flops_per_second / the products', of one round
  double mfu =
      0;  // flops_per_second / the matrix rate (train/matrix_rate.h), as in a run's metrics
  double loss = 0;
  // Rank 0's share of the step by part; what no part claims is added to `other`.
  std::array<double, static_cast<size_t>(Part::kCount)> share{};
};

struct StepBench {
  int ranks = 0, threads = 0;
  int64_t parameters = 0;  // of the whole model
  StepTiming model;
  double product_rate = 0;  // FLOP/s of the step's own products, all ranks at once
  double matrix_rate = 0;   // of large square matrices
  std::optional<StepTiming> twin;
  double twin_ratio = 0;          // a step / a step of the dense twin, in one round
  TrainStep::Memory memory;       // planned bytes of rank 0
  int64_t resident_before = 0;    // bytes of rank 0 in memory before anything was planned
  int64_t resident = 0;           // and after the first steps
  int64_t resident_peak = 0;      // the most there was until then
  double first_step_seconds = 0;  // from the start of rank 0's process to the end of its first step
};

// Collective.
StepBench bench_step(const RunConfig& config, Communicator& world, const RankResources& resources,
                     const StepBenchOptions& options);

}  // namespace sy
