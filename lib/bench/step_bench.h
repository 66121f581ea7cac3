// SPDX-License-Identifier: Apache-2.0
// Times training steps together with the GEMMs they consist of and, on request, with the
// FLOP-matched dense baseline. All are run in turn, round after round, so that each ratio compares
// the same moment of the machine. Results are medians over the rounds.
#pragma once

#include <array>
#include <optional>

#include "lib/bench/bench_run.h"

namespace sy {

struct StepBenchOptions {
  int64_t rounds = 7;
  BenchData data = BenchData::synthetic;
  bool twin = false;  // also time the dense baseline (experts.count: 0)
};

// Timing of the steps of one model.
struct StepTiming {
  double step_seconds = 0;
  double tokens_per_second = 0;  // input and target tokens, without padding
  double model_flops = 0;        // per step, all ranks, by formula
  double flops_per_second = 0;
  double of_product_rate = 0;  // flops_per_second / product_rate of the same round
  // flops_per_second / matrix_rate of the same round, as in the metrics of a run
  double mfu = 0;
  double loss = 0;
  // Share of each part in the step, on rank 0. Time outside all parts is added to `other`.
  std::array<double, static_cast<size_t>(Part::kCount)> share{};
};

struct StepBench {
  int ranks = 0, threads = 0;
  int64_t parameters = 0;  // number of parameters of the whole model
  StepTiming model;
  double product_rate = 0;  // FLOP/s on the GEMM shapes of the step, sum over ranks
  double matrix_rate = 0;   // FLOP/s on large square matrices, sum over ranks
  std::optional<StepTiming> twin;
  double twin_ratio = 0;          // step / step of the dense baseline, of the same round
  TrainStep::Memory memory;       // planned, on rank 0
  int64_t resident_before = 0;    // resident bytes of rank 0 before planning
  int64_t resident = 0;           // after the first steps
  int64_t resident_peak = 0;      // peak until then
  double first_step_seconds = 0;  // from the start of the process of rank 0
};

// Collective.
StepBench bench_step(const RunConfig& config, Communicator& world, const RankResources& resources,
                     const StepBenchOptions& options);

}  // namespace sy
