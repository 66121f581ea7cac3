// SPDX-License-Identifier: Apache-2.0
// What the forward and backward passes of all layers share: the step, and the micro-batch's place
// in it.
#pragma once

#include <cstdint>

#include "kernels/dropout/dropout.h"
#include "lib/base/numeric.h"
#include "lib/base/random.h"
#include "lib/config/config.h"
#include "lib/config/run_config.h"
#include "lib/dist/mesh.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// A micro-batch's place in the global batch, and the scales of its losses.
struct StepContext {
  bool training = true;  // enables dropout, jitter and the training capacity
  uint64_t seed = 0;
  uint32_t step = 0;
  int64_t first_sequence = 0;  // of the micro-batch: its index in the global batch
  double loss_scale = 1.0;     // 1 / number of valid target tokens in the global batch
  double group_scale = 1.0;    // 1 / number of the encoder's routing groups in the global batch
  double logit_z_loss = 0.0;   // coefficient of the z-loss of the output logits, in training
};

// Losses of the routers' choices beside the load-balancing loss, and how many there are.
enum class ChoiceLoss : uint8_t { second_place, importance, load };
constexpr int64_t kChoiceLosses = 3;

// Router statistics of a step, accumulated by observing each block after its forward (stack.h); one
// row per routed layer. They live in the exec's memory, are owned by the model, and
// the trainer zeroes them at the start of a step.
struct RouterStats {
  // Int32 [routed layers, E + 1]: tokens routed to each expert, before capacity drops; last column:
  // tokens dropped.
  Tensor counts;
  // Auxiliary losses before their coefficients, float64 [1] each, summed over groups, by
  // LayerContext::group_weight, and layers (convention hugging_face: over groups and stacks).
  Tensor balance, z;
  // Float64 [routed layers, 3], over routed tokens: their number, and the sums of the entropy of
  // the router's probabilities, in nats, and of the largest of them.
  Tensor confidence;
  // Float64 [kChoiceLosses], as balance and z; [0] without has_choice_losses().
  Tensor choice = {};
};

// Inputs of the auxiliary load-balancing loss of a whole stack (experts.convention hugging_face),
// over the tokens of all its sparse layers: the share of tokens that each expert keeps after
// dropping, and its mean router probability. Complete after an observed forward. Planned by
// the stack; empty under the other convention.
struct StackShares {
  Tensor fraction;     // [groups, E]
  Tensor mean_prob;    // [groups, E]
  int64_t layers = 0;  // routed layers of the stack
};

// Numbers layers as they are declared, in forward order across all stacks.
struct LayerCounter {
  int routed_layers = 0;  // rows of RouterStats
};

// What a layer needs besides its parameters, saved tensors and arguments.
struct LayerContext {
  Exec& exec;
  Mesh& mesh;
  const ModelSection& model;
  const StepContext& step;
  int64_t sequences = 0;  // B of this micro-batch
  int64_t length = 0;     // tokens per sequence in this stack
  Tensor valid;           // int32 [B * length], 1 where a token is routed
  Tensor lengths;         // int32 [B]
  StackShares stack_shares = {};
  bool sequence_parallel = false;  // see cuts_stream()
  Stack stack = Stack::encoder;
  // The encoder's groups for each of this stack, so that every stack's losses are a mean over its
  // own groups.
  double group_weight = 1.0;
  Tensor ids = {};  // int32 [B * length]
  // Of packed rows: as in the stack's TokenStream (lib/data/batch.h).
  Tensor ranges = {}, other_ranges = {};

  // The random stream of this step at a site, which a layer gets when it is declared.
  RandomKey key(uint32_t site) const { return {step.seed, step.step, site}; }
  int64_t tokens() const { return sequences * length; }
  int64_t first_row() const { return step.first_sequence * length; }  // global row of token 0
  double dropout_rate() const { return step.training ? model.dropout : 0.0; }
  // Whether the model ranks share out the rows of the residual stream, each of them holding as many
  // consecutive ones (model_axis.h).
  bool cuts_stream() const { return sequence_parallel && mesh.shape().model > 1; }
  // The rows of this rank's part of it, and the global row of the first of them.
  int64_t stream_rows() const {
    return cuts_stream() ? div_exact(tokens(), int64_t{mesh.shape().model}) : tokens();
  }
  int64_t first_stream_row() const {
    return first_row() + (cuts_stream() ? mesh.model_rank() * stream_rows() : 0);
  }
  // Whether the masks of model.dropout are constant along the length of a sequence.
  bool broadcasts_dropout() const { return model.dropout_broadcast == DropoutBroadcast::length; }
  // Dropout for rows of this stack's tokens that begin with this global one.
  Dropout dropout_from(uint32_t site, int64_t row) const {
    Dropout dropout{static_cast<float>(dropout_rate()), key(site), row, {}};
    if (broadcasts_dropout()) dropout.rows_per_mask = length;
    return dropout;
  }
  // Dropout for [stream_rows(), cols] of the residual stream of this stack.
  Dropout dropout(uint32_t site) const { return dropout_from(site, first_stream_row()); }
  // Dropout for this rank's columns of a [tokens(), cols] tensor whose columns are sharded over the
  // model ranks.
  Dropout dropout_of_shard(uint32_t site, int64_t cols) const {
    return column_shard(dropout_from(site, first_row()), cols);
  }
  // `dropout` of a whole tensor of `cols` columns, for this model rank's columns of it.
  Dropout column_shard(Dropout dropout, int64_t cols) const {
    dropout.num_cols = cols;
    dropout.first_col = div_exact(cols, mesh.shape().model) * mesh.model_rank();
    return dropout;
  }
};

// The fixed dimensions that a layer is planned for.
struct LayerDims {
  int64_t sequences = 0;  // largest number of sequences in a micro-batch
  int64_t length = 0;
  int expert_ranks = 1;
  DType dtype = DType::f32;  // of activations
  int model_ranks = 1;       // heads and d_ff are sharded over them
  Recompute recompute = Recompute::none;
  bool sequence_parallel = false;  // the model ranks share out the rows of the residual stream
  Stack stack = Stack::encoder;
  MeshShape mesh_shape() const {
    return {.ranks = expert_ranks * model_ranks, .model = model_ranks, .expert = expert_ranks};
  }
  DType statistics() const { return compute_dtype(dtype); }
  int64_t tokens() const { return sequences * length; }
  int64_t stream_rows() const {
    return sequence_parallel ? div_exact(tokens(), int64_t{model_ranks}) : tokens();
  }
};

}  // namespace sy
