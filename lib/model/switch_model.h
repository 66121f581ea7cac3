// SPDX-License-Identifier: Apache-2.0
// The whole encoder-decoder: embedding, encoder, decoder, loss. Backward runs through the same
// files in reverse. Owns all memory regions of the model. Phases, in this order:
//
//   SwitchModel model(...);                  // declares the parameters
//   model.plan(exec);                        // from here on memory() and traffic() are known
//   model.allocate(exec);                    // afterwards no step allocates
//   model.params().initialize(exec, seed);   // or load a checkpoint
//
// Models on one exec share its scratch memory, so all of them must be planned before the first is
// allocated.
#pragma once

#include <memory>

#include "lib/config/step_lengths.h"
#include "lib/data/batch.h"
#include "lib/model/context.h"
#include "lib/model/grad_ready.h"
#include "lib/model/param.h"
#include "lib/model/values_needed.h"

namespace sy {

struct AttentionSource;  // attention.h
struct StackParams;      // stack.h
struct LossParams;       // loss.h
struct SoftTargets;      // soft_loss.h
struct PlannedGemms;     // gemm_shape.h

// The sizes that a model is planned for, and what backward computes again instead of keeping it;
// that changes no number. model.vocab_size must be resolved.
struct ModelShape {
  int64_t sequences = 1;  // micro-batch
  int64_t encoder_length = 0;
  int64_t decoder_length = 0;  // 0: only encode(), for incremental decoding (decode.h)
  Recompute recompute = Recompute::none;
  // The model ranks share out the rows of the residual stream. Every micro-batch must have as many
  // for each of them.
  bool sequence_parallel = false;
  // The streams of a batch in training, or of a model that cannot train, may be shorter, by these
  // units (lib/config/step_lengths.h); 0: they have the full length.
  int64_t encoder_unit = 0, decoder_unit = 0;

  StepLengths lengths(size_t stream) const {
    return stream == kEncoder ? StepLengths{encoder_length, encoder_unit}
                              : StepLengths{decoder_length, decoder_unit};
  }
};

class SwitchModel {
 public:
  // Declares the parameters. `dtype` is that of the activations: float32; bfloat16, with float32
  // master weights and gradients; or float64 for gradient checks, in which parameters are float64
  // too. Without `training` no gradients are planned (evaluation and infilling). `updated_by`: who
  // updates each parameter (param.h). Throws ConfigError if the model does not fit the mesh.
  SwitchModel(const ModelSection& model, ModelShape shape, Mesh& mesh, DType dtype = DType::f32,
              bool training = true, UpdatedBy updated_by = UpdatedBy::every_holder);
  ~SwitchModel();

  // Measures every region and, by running training and evaluation passes in planning mode, at each
  // length of a stream, scratch and traffic. The backend and threads of `exec` must be set. `soft`,
  // without memory, is given if training passes will have a teacher's targets. To be called once.
  void plan(Exec& exec, const SoftTargets* soft = nullptr);
  bool planned() const;

  // Allocates every region of the model, and the scratch of `exec` for everything planned on it so
  // far. Calls plan() if that has not been done. If the scratch of `exec` is already allocated, the
  // model must fit into it.
  void allocate(Exec& exec);

  // Bytes by region, known after plan(). Scratch is that of the exec, including what was planned on
  // it before this model.
  struct Memory {
    int64_t parameters = 0, gradients = 0, activations = 0, scratch = 0;
    int64_t total() const { return parameters + gradients + activations + scratch; }
  };
  Memory memory() const;
  // What this rank sends in the forward and backward passes of one micro-batch of full length, or
  // in decoder_output() for a model that cannot train; known after plan(). Dropless, it is an upper
  // bound on the rows: all of this rank go elsewhere, and all of the other ranks come here.
  const Traffic& traffic() const;
  // The GEMMs of this rank in the same passes, without those inside the attention kernel and with
  // what is computed again; known after plan(). Dropless, grouped has the same bound.
  const PlannedGemms& planned_products() const;

  ParamStore& params();
  const ModelSection& config() const;
  const ModelShape& shape() const;
  // Statistics of the step so far, in the exec's memory. clear_stats() zeroes them.
  RouterStats& router_stats();
  Tensor loss_sum();  // float64 [1]
  // float64 [1]: (log Z)^2 of the output logits, summed over valid target tokens; 0 without
  // step.logit_z_loss.
  Tensor logit_z_sum();
  // float64 [1]: the cross-entropy with the teacher's distribution, summed over valid target
  // tokens; [0] without a teacher.
  Tensor soft_sum();
  // Float64, contiguous: loss_sum(), balance loss, z loss, logit_z_sum(), the routers' confidence,
  // the losses of their choices, and soft_sum().
  Tensor step_sums();
  void clear_stats(Exec& exec);

  // Adds the cross-entropy of the micro-batch (nats, summed over valid target tokens, not scaled)
  // to loss_sum(), and the router statistics to router_stats(). If step.training, also prepares
  // backward and adds the gradient of the output projection to its parameter. The batch, in the
  // exec's memory, may have fewer and, where the shape says so, shorter sequences than planned;
  // everything, the experts' capacity too, then is as in a model planned for those lengths. Does
  // not synchronise. `needed` is called with every value that is about to be read. `soft` are a
  // teacher's targets for this micro-batch, if there are any; then step.training, and soft_sum() is
  // added to.
  void accumulate_forward(Exec& exec, const Batch& batch, const StepContext& step,
                          const ValuesNeeded& needed = {}, const SoftTargets* soft = nullptr);
  // Zeroes loss_sum(), calls accumulate_forward, waits for the sum and returns it.
  double forward(Exec& exec, const Batch& batch, const StepContext& step);

  // Adds the gradient of step.loss_scale * (cross-entropy + step.logit_z_loss * logit_z_sum) +
  // step.group_scale * (balance_loss * balance + z_loss * z) to the gradients of the parameters.
  // (with a teacher, of the mixture in loss.h). Must directly follow a forward pass with the same
  // arguments.
  void backward(Exec& exec, const Batch& batch, const StepContext& step,
                const GradReady& ready = {});

  // After a step: changes the biases of the routers (experts.balance_bias) by
  // router_stats().counts, which must be summed over the data ranks, unless apply, float64 [1], is
  // 0.
  void update_router_biases(Exec& exec, Tensor apply);

  // Overwrites `logits` [B, vocab], of compute_dtype() of the activations, with the logits at
  // decoder position `position` of each sequence, by a whole forward pass. The reference for
  // incremental decoding. step.training must be false.
  void logits_at(Exec& exec, const Batch& batch, const StepContext& step, int64_t position,
                 Tensor logits);

  // Runs both stacks and returns the decoder's output [B * decoder length, d_model], a view that is
  // valid until the next pass; project_logits() (loss.h) makes logits of its rows. Counts nothing.
  // step.training must be false.
  Tensor decoder_output(Exec& exec, const Batch& batch, const StepContext& step);

  // Runs the encoder and returns its output, a view that is valid until the next pass. Only the
  // encoder stream of the batch is read. step.training must be false.
  AttentionSource encode(Exec& exec, const Batch& batch, const StepContext& step);
  // What incremental decoding shares with the model.
  const StackParams& decoder() const;
  const LossParams& output() const;
  Mesh& mesh();

  // GEMM FLOPs of forward and backward for one sequence, by formula (2 m n k each,
  // experts.top_k experts per token, whether the second is kept or not).
  static double flops_per_sequence(const ModelSection& model, int64_t encoder_length,
                                   int64_t decoder_length);
  // Those among them that multiply queries, keys and values inside the attention kernel. A causal
  // mask is counted in full.
  static double attention_flops_per_sequence(const ModelSection& model, int64_t encoder_length,
                                             int64_t decoder_length);
  // FLOPs of the forward pass of one sequence as Kaplan et al. 2020 count them and Fedus et al.
  // 2022, table 9, prints them: 2 per weight and token, without routers, and the scores once; keys
  // and values of cross-attention count for target tokens.
  static double kaplan_flops_per_sequence(const ModelSection& model, int64_t encoder_length,
                                          int64_t decoder_length);

 private:
  struct State;
  void plan_training(Exec& exec, const Batch& batch, const SoftTargets* soft);
  void plan_evaluation(Exec& exec, const Batch& batch);

  std::unique_ptr<State> state_;
};

}  // namespace sy
