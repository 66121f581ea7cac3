// SPDX-License-Identifier: Apache-2.0
// One rank of a mesh, planned by the trainer's own code, in this process, without MPI or tensors.
#pragma once

#include <memory>

#include "lib/dist/planned_world.h"
#include "lib/train/train_step.h"

namespace sy {

// What the ranks of a plan have in common.
struct PlanInput {
  RunConfig config;                            // not resolved
  std::shared_ptr<const Tokenizer> tokenizer;  // null if none is needed
  MeshShape shape;                             // mesh_shape(config, ranks)
  int threads = 1;                             // of a rank; the CPU's scratch depends on it
  bool on_gpu = false;
  // Whose kernels take the scratch and how rows are sent. For a GPU it is cuda, which plans without
  // one, unless the program was built without that backend.
  Backend backend = Backend::cpu;
  int64_t program_bytes = 0;  // that this process has resident before anything is planned
};

// The configuration on `ranks` ranks, with its tokenizer if it needs one. Throws ConfigError
// listing every error; also if model.vocab_size is auto and the tokenizer's file does not exist.
PlanInput plan_input(const RunConfig& config, int ranks, int threads, bool on_gpu = false);

struct RankPlan {
  // `listener`, which may be null, hears what the step would call: the passes of two micro-batches,
  // those of an evaluation, and what follows backward. It must outlive the plan.
  RankPlan(const PlanInput& input, int rank, CallListener* listener = nullptr);

  Runtime runtime;
  Session session;
  TrainStep step;  // planned
};

// Bytes that a rank keeps of parameters, gradients and optimiser. As RankPlan finds them, but
// without running a pass: a hundredth of the time.
struct HeldBytes {
  int64_t parameters = 0, gradients = 0, optimizer = 0;
};
HeldBytes held_bytes(const PlanInput& input, int rank);

// Raises each region of `most` to that of `memory`.
void raise_regions(TrainStep::Memory& most, const TrainStep::Memory& memory);

// The most that any rank needs of each region, and for what is sent, rank 0. With ZeRO-1 ranks own
// different matrices: parameters, gradients and optimiser are then those of all ranks, scratch that
// of rank 0 and of the ranks that hold most. In every other mesh all ranks are alike.
TrainStep::Memory largest_memory(const PlanInput& input, const RankPlan& first);

}  // namespace sy
