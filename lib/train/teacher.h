// SPDX-License-Identifier: Apache-2.0
// The teacher of a distillation (Fedus et al. 2022, section 4.2): a second model on the student's
// runtime, frozen, whose distribution over the vocabulary is a target of the student. It reads the
// student's batches in evaluation mode: without dropout and jitter, and with the evaluation
// capacity (docs/decisions.md). Only its vocabulary, lengths and tokenizer are the student's. Its
// experts are spread over as many data ranks as share them out evenly, whatever mesh.expert the
// student has.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/checkpoint/checkpoint.h"
#include "lib/model/loss.h"
#include "lib/train/session.h"

namespace sy {

class Teacher {
 public:
  // Opens the checkpoint that distill.teacher names. `student` must outlive this. Throws
  // ConfigError if the keys of `distill` or the teacher's model do not fit the student, DataError
  // if there is no such checkpoint. Collective.
  explicit Teacher(Session& student);

  // Called once each, in this order, and before the student's plan() and step.
  void plan();
  void allocate();
  void load();  // the weights; collective

  // Whether the student learns from it in this step, counted from 1 (distill.start_step).
  bool teaches(int64_t step) const;
  // Runs it on a micro-batch of the student; valid until the next call. Collective.
  SoftTargets targets(const Batch& batch, StepContext step);
  // The same without memory, for planning.
  SoftTargets planned_targets();

  // With distill.start: shared, overwrites the student's parameters that the teacher has too
  // (restore_shared_parameters), and logs their number. Collective.
  void start_student();

  // Bytes on this rank besides scratch, and what it sends for a micro-batch; known after plan().
  int64_t memory() const;
  const Traffic& traffic() const { return session_->model.traffic(); }

  void log_opened() const;
  void log_compression() const;  // of its parameters to the student's

 private:
  SoftTargets targets_of(Tensor h);
  std::unique_ptr<Session> open();
  Mesh& mesh_for(const RunConfig& config);

  Session& student_;
  std::string path_;
  CheckpointReader checkpoint_;
  std::optional<Mesh> own_mesh_;  // unless the student's has the experts where this one needs them
  std::unique_ptr<Session> session_;
};

}  // namespace sy
