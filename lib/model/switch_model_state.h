// SPDX-License-Identifier: Apache-2.0
// The state of a SwitchModel and its passes. Private to switch_model.cpp.
#pragma once

#include "kernels/gemm/gemm_shape.h"
#include "lib/dist/planning.h"
#include "lib/model/loss.h"
#include "lib/model/stack.h"
#include "lib/model/switch_model.h"

namespace sy {

// Flattens token ids: [B, length] -> [B * length].
inline Tensor flat(Tensor ids) {
  return ids.view({ids.numel()});
}

struct SwitchModel::State {
  ModelSection model;
  ModelShape shape;
  Mesh& mesh;
  Mesh* pass_mesh;  // used by the passes: &mesh, or the planned mesh while planning
  DType dtype;
  bool training;

  ParamStore params;
  LayerCounter layers;
  StackParams encoder, decoder;
  LossParams loss;

  Arena values{"parameters"}, grads{"gradients"}, activations{"saved activations"};
  StackSaved encoder_saved, decoder_saved;
  Tensor d_encoded;  // [B * encoder length, d_model], summed over the decoder blocks
  Tensor d_decoded;  // [B * decoder length, d_model]; sequence_parallel: this rank's rows
  bool planned = false;
  bool has_teacher = false;
  int64_t scratch_bytes = 0;
  Traffic traffic;        // of the training passes of one micro-batch
  PlannedGemms products;  // of the same

  Arena statistics{"statistics"};
  RouterStats stats;
  // Float64: loss, balance loss, z loss, (log Z)^2 of the logits, then stats.confidence,
  // stats.choice and soft_sum.
  Tensor sums;
  Tensor soft_sum;    // [0] without a teacher
  Tensor all_routed;  // int32 ones; convention hugging_face routes padding, too

  State(const ModelSection& model_, ModelShape shape_, Mesh& mesh_, DType dtype_, bool training_,
        UpdatedBy updated_by);

  class PlanningPass;

  // Measures the regions on the first call, carves them when called again after allocation.
  void plan();
  void plan_statistics();

  // The context of the stack that reads `stream`.
  LayerContext context(Exec& exec, const Batch& batch, const StepContext& step, size_t stream);
  double group_weight(const Batch& batch, Stack stack) const;
  Tensor routed(Tensor valid);
  void check(const Batch& batch) const;

  // The passes add router statistics to *counted, unless it is null.
  void encode(Exec& exec, const Batch& batch, const StepContext& step,
              RouterStats* counted = nullptr, const ValuesNeeded& needed = {});
  // The encoder output for cross-attention, after encode().
  AttentionSource encoded(const Batch& batch) const;
  // Runs both stacks; returns the decoder output [B * decoder length, d_model].
  Tensor decode(Exec& exec, const Batch& batch, const StepContext& step,
                RouterStats* counted = nullptr, const ValuesNeeded& needed = {});

  Tensor loss_sum() const { return sums.slice(0, 1); }
  Tensor logit_z_sum() const { return sums.slice(3, 1); }
};

// While it lives, passes of the model only measure memory and count traffic.
class SwitchModel::State::PlanningPass {
 public:
  PlanningPass(State& state, Exec& exec) : state_(state), scope_(exec, state.mesh) {
    state_.pass_mesh = &scope_.mesh();
  }
  ~PlanningPass() { state_.pass_mesh = &state_.mesh; }
  PlanningPass(const PlanningPass&) = delete;
  PlanningPass& operator=(const PlanningPass&) = delete;

  const Traffic& traffic() const { return scope_.traffic(); }

 private:
  State& state_;
  PlanningScope scope_;
};

}  // namespace sy
