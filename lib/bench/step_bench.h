// SPDX-License-Identifier: Apache-2.0
// Times training steps together with the GEMMs they consist of and, on request, with the
// FLOP-matched dense baseline. All are run in turn, round after round, so that each ratio compares
// the same moment of the machine. Results are medians over the rounds. The shares of the parts come
// from further rounds, since the clock that measures them costs time.
#pragma once

#include <array>
#include <optional>
#include <string>

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
  // Model FLOPs utilisation: flops_per_second / matrix_rate of the same round, which is `mfu` in
  // the metrics of a run, and / datasheet_rate, where that is known.
  double mfu_of_measured = 0;
  std::optional<double> mfu_of_peak;
  double loss = 0;
  // Share of each part in the profiled rounds, on rank 0. Time outside all parts is added to
  // `other`.
  std::array<double, static_cast<size_t>(Part::kCount)> share{};
};

struct StepBench {
  int ranks = 0, threads = 0;
  int64_t parameters = 0;   // number of parameters of the whole model
  double kaplan_flops = 0;  // SwitchModel::kaplan_flops_per_sequence()
  StepTiming model;
  double product_rate = 0;  // FLOP/s on the GEMM shapes of the step, sum over ranks
  double matrix_rate = 0;   // FLOP/s on large square matrices, sum over ranks
  std::string device;       // name of rank 0's GPU, or "cpu"
  // FLOP/s that the data sheets of all ranks' GPUs promise; nothing if that of one is not known.
  std::optional<double> datasheet_rate;
  std::optional<StepTiming> twin;
  double twin_ratio = 0;          // step / step of the dense baseline, of the same round
  TrainStep::Memory memory;       // planned; the most of any rank
  int64_t resident_before = 0;    // resident bytes before planning, the most of any rank
  int64_t resident = 0;           // after the first steps
  int64_t resident_peak = 0;      // peak until then
  double first_step_seconds = 0;  // from the start of the process of rank 0
};

// Collective.
StepBench bench_step(const RunConfig& config, Communicator& world, const RankResources& resources,
                     const StepBenchOptions& options);

}  // namespace sy
