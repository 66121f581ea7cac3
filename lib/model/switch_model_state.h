// What a SwitchModel owns and how its passes run over it; seen by switch_model.cpp alone.
#pragma once

#include "lib/dist/planning.h"
#include "lib/model/loss.h"
#include "lib/model/stack.h"
#include "lib/model/switch_model.h"

namespace sy {

// Token ids of a micro-batch in one row: [B, length] -> [B * length].
inline Tensor flat(Tensor ids) {
  return ids.view({ids.numel()});
}

struct SwitchModel::State {
  ModelSection model;
  ModelShape shape;
  Mesh& mesh;
  Mesh* pass_mesh;  // of the passes: mesh, or while planning a planned one
  DType dtype;
  bool training;

  ParamStore params;
  LayerCounter layers;
  StackParams encoder, decoder;
  LossParams loss;

  Arena values{"parameters"}, grads{"gradients"}, activations{"saved activations"};
  StackSaved encoder_saved, decoder_saved;
  Tensor d_encoded;  // [B * encoder length, d_model], summed over the decoder's blocks
  Tensor d_decoded;  // [B * decoder length, d_model]
  bool planned = false;
  int64_t scratch_bytes = 0;
  Traffic traffic;  // of a micro-batch's training passes

  Arena statistics{"statistics"};
  RouterStats stats;
  Tensor sums;        // float64 [3]: of the loss, and the routers' two
  Tensor all_routed;  // int32 ones, where padding is routed

  State(const ModelSection& model_, ModelShape shape_, Mesh& mesh_, DType dtype_, bool training_);

  class PlanningPass;

  // Measures the regions on the first call, carves them once they are allocated.
  void plan();
  void plan_statistics();

  // Of the stack that reads stream `stream`.
  LayerContext context(Exec& exec, const Batch& batch, const StepContext& step, size_t stream);
  Tensor routed(Tensor valid);
  void check(const Batch& batch) const;

  void encode(Exec& exec, const Batch& batch, const StepContext& step);
  // The encoder's output as the decoder's attention reads it, after encode().
  AttentionSource encoded(const Batch& batch) const;
  // Both stacks forward; returns the decoder's output [B * decoder length, d_model].
  Tensor decode(Exec& exec, const Batch& batch, const StepContext& step);
  // Adds what both stacks' last forward left to be counted to `stats`.
  void observe(Exec& exec, const Batch& batch, const StepContext& step);

  Tensor loss_sum() const { return sums.slice(0, 1); }
};

// The block's passes measure and count, and compute and send nothing.
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
