// SPDX-License-Identifier: Apache-2.0
// Runs the training steps of a model for timing: the same TrainStep as the trainer, on batches
// prepared in advance. Steps are of full length, also with data.bucket_batches.
#pragma once

#include <memory>

#include "kernels/gemm/gemm_shape.h"
#include "lib/train/train_step.h"

namespace sy {

enum class BenchData : uint8_t { synthetic, real };

class BenchRun {
 public:
  // Plans, allocates and runs two steps, after which all pages are mapped and all primitives exist.
  // Throws what a run would throw at its start. Collective.
  BenchRun(const RunConfig& config, Communicator& world, const RankResources& resources,
           BenchData data);

  // Runs one step on a new batch as a run does, with the profiler off: on a GPU its events cost
  // milliseconds. Returns the step's duration in seconds on the slowest rank, from batch to update.
  // Collective.
  double step();
  // The same with the profiler on; adds to its parts and replaces products().
  double profiled_step();

  Session& session() { return session_; }
  TrainStep::Memory memory() const { return train_step_.memory(); }
  int64_t tokens() const { return tokens_.total(); }  // of the last global batch, without padding
  double loss() const { return loss_; }               // of the last step

  // Seconds from the start of this process to the end of the first step.
  double first_step_seconds() const { return first_step_seconds_; }

  // GEMM FLOPs of a step over all ranks, by formula.
  double model_flops() const;

  // GEMMs of the last profiled step on this rank, except those inside the attention kernel.
  const GemmCounts& products() { return session_.exec.state<GemmCounts>(); }

  // Seconds on this rank by part in profiled steps after the constructor; on a GPU, of the compute
  // stream.
  const Profiler& profiler() const { return profiler_; }

 private:
  void next_batch();
  double timed_step();

  Runtime runtime_;
  Session session_;
  TrainStep train_step_;
  StepBatch batch_;
  std::unique_ptr<Loader> loader_;  // null for synthetic batches
  Profiler profiler_;               // the exec's while a profiled step runs
  StepTokens tokens_;
  double loss_ = 0;
  double first_step_seconds_ = 0;
  int64_t step_ = 0;
};

}  // namespace sy
