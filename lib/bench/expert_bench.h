// SPDX-License-Identifier: Apache-2.0
// Times the GEMMs of the experts of a sparse layer: batched over all experts as in the layer, one
// GEMM per expert and, on CUDA, the grouped kernel of dropless routing. All are run in turn, round
// after round. Results are medians over the rounds.
#pragma once

#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/dist/communicator.h"
#include "lib/tensor/exec.h"
#include "lib/train/runtime.h"

namespace sy {

struct ExpertBenchOptions {
  int64_t rounds = 7;
  // Number of expert ranks: measures the share of one of them, with rows from all. Nothing is sent.
  int64_t expert_ranks = 1;
};

// Timing of a sparse layer of one stack.
struct ExpertTiming {
  std::string stack;
  int64_t experts = 0;  // on this rank
  int64_t sources = 0;  // ranks that send rows
  int64_t rows = 0;     // per expert, empty slots of its capacity included
  int64_t repeats = 1;  // how often all GEMMs run per round
  double flops = 0;     // of all GEMMs together
  double batched_seconds = 0, each_seconds = 0;
  double kernel_seconds = 0;  // 0 on the CPU
  double ratio = 0;           // each / batched, of the same round
};

struct ExpertBench {
  Backend backend = Backend::cpu;
  DType dtype = DType::f32;
  int threads = 1;
  int64_t products = 0;  // GEMMs of a layer, forward and backward
  std::vector<ExpertTiming> stacks;
};

// Measures with train.micro_batch sequences per rank. `world` must have one rank. Throws
// ConfigError for models without experts, dropless capacity, or a number of experts that
// expert_ranks does not divide, and what a run would throw at its start.
ExpertBench bench_experts(const RunConfig& config, Communicator& world,
                          const RankResources& resources, const ExpertBenchOptions& options);

}  // namespace sy
