// The whole encoder-decoder: embedding, encoder, decoder, loss; forward, and backward through the
// same files bottom to top. Owns every region. Its phases, in this order:
//
//   SwitchModel model(...);            // declares the parameters
//   model.plan(exec);                  // memory() and traffic() are known
//   model.allocate(exec);              // after this no step allocates
//   model.params().initialize(exec, seed);   // or from a checkpoint
//
// Models on one exec share its scratch: all are planned before the first is allocated.
#pragma once

#include <memory>

#include "lib/data/batch.h"
#include "lib/model/context.h"
#include "lib/model/grad_ready.h"
#include "lib/model/param.h"

namespace sy {

struct AttentionSource;  // attention.h
struct StackParams;      // stack.h
struct LossParams;       // loss.h

// Sizes a model is planned for. model.vocab_size is resolved.
struct ModelShape {
  int64_t sequences = 1;  // micro-batch
  int64_t encoder_length = 0;
  int64_t decoder_length = 0;  // 0: encode() alone, for incremental decoding (decode.h)
};

class SwitchModel {
 public:
  // Declares the parameters. `dtype` of activations: float32, bfloat16 (master weights and
  // gradients stay float32), or float64 for gradient checks, parameters included. `training` false
  // leaves gradients out of the plan (evaluation and infilling). Throws ConfigError where the mesh
  // cannot hold the model.
  SwitchModel(const ModelSection& model, ModelShape shape, Mesh& mesh, DType dtype = DType::f32,
              bool training = true);
  ~SwitchModel();

  // Measures every region, and one whole step in planning mode (scratch and traffic), in training
  // and in evaluation. `exec` has its backend and threads; once.
  void plan(Exec& exec);
  bool planned() const;

  // Allocates the scratch of `exec`, for all that was planned on it so far, and every region of the
  // model; plan() is called where it was not. If `exec` has its scratch already, the model must fit
  // into it.
  void allocate(Exec& exec);

  // Bytes by region, from plan() on. Scratch is the exec's, with what else was planned on it before
  // this model was.
  struct Memory {
    int64_t parameters = 0, gradients = 0, activations = 0, scratch = 0;
    int64_t total() const { return parameters + gradients + activations + scratch; }
  };
  Memory memory() const;
  // What this rank sends in forward and backward of a micro-batch, from plan() on; empty where the
  // model is not for training. Dropless: rows are as many as there can be, all those of this rank
  // to another, and those of all others here.
  const Traffic& traffic() const;

  ParamStore& params();
  const ModelSection& config() const;
  const ModelShape& shape() const;
  // Of the step so far, in the exec's memory; clear_stats() zeroes them.
  RouterStats& router_stats();
  Tensor loss_sum();   // float64 [1]
  Tensor step_sums();  // float64 [3]: loss_sum() and the routers' balance and z, in one piece
  void clear_stats(Exec& exec);

  // Adds the cross-entropy of the micro-batch's valid target tokens (nats, not scaled) to
  // loss_sum(), and what the routers did to router_stats(). While step.training, also prepares
  // backward, and adds the output projection's gradient to its parameter. The batch, of the exec's
  // memory, may hold fewer sequences than planned. Waits for nothing.
  void accumulate_forward(Exec& exec, const Batch& batch, const StepContext& step);
  // The same from a loss_sum() of zero; waits for the sum and returns it.
  double forward(Exec& exec, const Batch& batch, const StepContext& step);

  // Adds the gradient of step.loss_scale * cross-entropy + step.group_scale * (balance_loss *
  // balance + z_loss * z) to the parameters' gradients. Directly after forward with the same
  // arguments.
  void backward(Exec& exec, const Batch& batch, const StepContext& step,
                const GradReady& ready = {});

  // Logits [B, vocab] at decoder position `position` of each sequence, without loss, by a whole
  // forward pass: what incremental decoding is checked against. step.training is false. `logits`
  // is the caller's, of the activations' compute_dtype().
  void logits_at(Exec& exec, const Batch& batch, const StepContext& step, int64_t position,
                 Tensor logits);

  // The encoder's output for the batch's encoder stream, which is all that is read of it: views
  // that hold until the next pass. step.training is false.
  AttentionSource encode(Exec& exec, const Batch& batch, const StepContext& step);
  // What incremental decoding shares with the model.
  const StackParams& decoder() const;
  const LossParams& output() const;
  Mesh& mesh();

  // Matrix-product FLOPs of forward and backward of one sequence (2 m n k each, by formula; experts
  // at one expert a token).
  static double flops_per_sequence(const ModelSection& model, int64_t encoder_length,
                                   int64_t decoder_length);

 private:
  struct State;
  void plan_training(Exec& exec, const Batch& batch);
  void plan_evaluation(Exec& exec, const Batch& batch);

  std::unique_ptr<State> state_;
};

}  // namespace sy
