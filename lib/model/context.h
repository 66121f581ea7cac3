// What every layer's forward and backward is told about the step and its place in it.
#pragma once

#include <cstdint>

#include "kernels/dropout/dropout.h"
#include "lib/base/random.h"
#include "lib/config/run_config.h"
#include "lib/dist/mesh.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// One micro-batch's place in the global batch and the scales of its losses.
struct StepContext {
  bool training = true;  // dropout, jitter and the training capacity apply
  uint64_t seed = 0;
  uint32_t step = 0;
  int64_t first_sequence = 0;  // number in the global batch of the micro-batch's first sequence
  double loss_scale = 1.0;     // 1 / valid target tokens of the global batch
  double group_scale = 1.0;    // 1 / routing groups of the global batch, per stack
};

// Router counters of a step, added up by observing the stacks after their forward (stack.h); one
// row a routed layer. In the exec's memory, owned by the model; zeroed by the trainer at the start
// of a step.
struct RouterStats {
  Tensor counts;  // int32 [routed layers, E + 1]: tokens routed to each expert before dropping;
                  // last column: tokens dropped
  // Float64 [1] each: sums over groups and layers (hugging_face: groups and stacks), before the
  // coefficients.
  Tensor balance, z;
};

// What the balance loss of a whole stack is made of (experts.convention hugging_face): over the
// tokens of all its sparse layers, the share that an expert has after dropping, and its mean
// probability. Complete once the stack is observed. Planned by the stack; else empty.
struct StackShares {
  Tensor fraction;     // [groups, E]
  Tensor mean_prob;    // [groups, E]
  int64_t layers = 0;  // routed layers of the stack
};

// Numbers that layers are given as they are declared, in forward order, over all stacks.
struct LayerCounter {
  int routed_layers = 0;  // rows of RouterStats
};

// Everything a layer needs besides its parameters, saved tensors and arguments.
struct LayerContext {
  Exec& exec;
  Mesh& mesh;
  const ModelSection& model;
  const StepContext& step;
  int64_t sequences = 0;  // B of this micro-batch
  int64_t length = 0;     // tokens a sequence in this stack
  Tensor valid;           // int32 [B * length], 1 where a token is routed
  Tensor lengths;         // int32 [B]
  StackShares stack_shares = {};

  // What this step draws at a site, which the layer was given as it was declared.
  RandomKey key(uint32_t site) const { return {step.seed, step.step, site}; }
  int64_t tokens() const { return sequences * length; }
  int64_t first_row() const { return step.first_sequence * length; }  // global row of token 0
  double dropout_rate() const { return step.training ? model.dropout : 0.0; }
  // Dropout of a [tokens(), cols] tensor of this stack.
  Dropout dropout(uint32_t site) const {
    return {static_cast<float>(dropout_rate()), key(site), first_row(), {}};
  }
};

// The fixed dimensions that planning needs: how many tokens pass, and how experts are spread.
struct LayerDims {
  int64_t sequences = 0;  // largest B of a micro-batch
  int64_t length = 0;
  int expert_ranks = 1;
  DType dtype = DType::f32;  // of activations
  DType statistics() const { return compute_dtype(dtype); }
  int64_t tokens() const { return sequences * length; }
};

}  // namespace sy
