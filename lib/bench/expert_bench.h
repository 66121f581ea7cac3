// Times the products of a sparse layer's experts as the layer does them beside a loop of one
// product per expert and, on CUDA, the kernel of dropless experts, in turn, round after round;
// figures are medians over the rounds.
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
  // The layer of one of so many ranks: its share of the experts, and rows from every rank. Nothing
  // is sent.
  int64_t expert_ranks = 1;
};

// A sparse layer of one stack.
struct ExpertTiming {
  std::string stack;
  int64_t experts = 0;  // of this rank
  int64_t sources = 0;  // ranks that send rows
  int64_t rows = 0;     // of an expert, empty places of its capacity included
  int64_t repeats = 1;  // of all products, in a round
  double flops = 0;     // of all products, any way
  double batched_seconds = 0, each_seconds = 0;
  double kernel_seconds = 0;  // 0 on the CPU
  double ratio = 0;           // each / batched, in one round
};

struct ExpertBench {
  Backend backend = Backend::cpu;
  DType dtype = DType::f32;
  int threads = 1;
  int64_t products = 0;  // of a layer, forward and backward
  std::vector<ExpertTiming> stacks;
};

// For train.micro_batch sequences a rank. `world` has one rank. Throws ConfigError for a model
// without experts, dropless capacity or experts that do not divide, and what a run would throw at
// its start.
ExpertBench bench_experts(const RunConfig& config, Communicator& world,
                          const RankResources& resources, const ExpertBenchOptions& options);

}  // namespace sy
