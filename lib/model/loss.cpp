// SPDX-License-Identifier: Apache-2.0
#include "lib/model/loss.h"

#include <algorithm>
#include <cmath>

#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/cross_entropy/cross_entropy_shard.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/gemm/gemm.h"
#include "lib/config/config.h"
#include "lib/model/embedding.h"
#include "lib/model/initialisation.h"
#include "lib/model/model_axis.h"

namespace sy {
namespace {

// Loss and gradient from this rank's logits of a chunk, whose columns are sharded over the model
// ranks: each summarises its rows, and the gathered summaries give the whole.
void sharded_cross_entropy(const LayerContext& context, const LossParams& params, Tensor loss,
                           Tensor d_logits, Tensor logits, Tensor targets, double scale,
                           const LogitZLoss& z) {
  Exec& exec = context.exec;
  Communicator& ranks = context.mesh.model();
  const VocabularyShard shard = vocabulary_shard(*params.table);
  ScratchScope scratch(exec);
  const Shape numbers{logits.rows(), kShardNumbers};
  const Tensor mine = scratch.take(DType::f64, numbers, "cross-entropy of a shard");
  const Tensor all =
      scratch.take(DType::f64, {ranks.size(), numbers[0], numbers[1]}, "cross-entropy of shards");
  cross_entropy_shard(exec, mine, logits, targets, shard);
  {
    const ProfileScope profile(exec.profiler, Part::communication);
    ranks.all_gather(all, mine, "cross-entropy");
  }
  cross_entropy_join(exec, loss, d_logits, logits, targets, all, shard, scale, z);
}

// The cross-entropy of a chunk with its targets, scaled by `scale` in the gradient.
void hard_loss(const LayerContext& context, const LossParams& params, Tensor loss, Tensor d_logits,
               Tensor logits, Tensor targets, double scale, const LogitZLoss& z) {
  if (context.mesh.shape().model > 1) {
    sharded_cross_entropy(context, params, loss, d_logits, logits, targets, scale, z);
  } else {
    cross_entropy(context.exec, loss, d_logits, logits, targets, scale, z);
  }
}

// Propagates the gradient of the logits, which has replaced the logits, to h and the table.
void project_backward(Exec& exec, const LossParams& params, Tensor d_h, Tensor d_logits,
                      Tensor scaled) {
  gemm(exec, params.table->grad, d_logits, scaled,
       {.transpose_a = true, .accumulate = params.table->adds_to_grad()});
  gemm(exec, d_h, d_logits, params.table->compute);
  if (params.scale != 1.0) scale_inplace(exec, d_h, params.scale);
}

// The columns of all model ranks side by side.
void gather_logits(const LayerContext& context, Tensor logits, Tensor mine) {
  Communicator& ranks = context.mesh.model();
  const int64_t rows = mine.rows(), shard = mine.cols();
  ScratchScope scratch(context.exec);
  const Tensor all =
      scratch.take(mine.dtype(), {ranks.size(), rows, shard}, "logits of the model ranks");
  {
    const ProfileScope profile(context.exec.profiler, Part::communication);
    ranks.all_gather(all, mine, "logits");
  }
  for (int64_t row = 0; row < rows; ++row) {
    for (int rank = 0; rank < ranks.size(); ++rank) {
      copy(context.exec, logits.at(row).slice(rank * shard, shard), all.at(rank).at(row));
    }
  }
}

}  // namespace

int64_t loss_rows(Backend backend) {
  return backend == Backend::cpu ? 256 : 2048;
}

void project_logits(Exec& exec, const LossParams& params, Tensor logits, Tensor scaled, Tensor h) {
  copy(exec, scaled, h);
  if (params.scale != 1.0) scale_inplace(exec, scaled, params.scale);
  gemm(exec, logits, scaled, params.table->compute, {.transpose_b = true});
}

LossParams loss_params(ParamStore& store, const ModelSection& model, Param* embedding) {
  const double d = static_cast<double>(model.d_model);
  const double scale = scales_decoder_outputs(model) ? 1.0 / std::sqrt(d) : 1.0;
  if (model.tie_embeddings) return {embedding, scale};
  return {store.add("lm_head", embedding->shape, Placement::model(0), matrix_init(model, d)),
          scale};
}

void loss_forward(const LayerContext& context, const LossParams& params, const LossSums& sums,
                  Tensor d_h, Tensor h, Tensor targets, int64_t chunk_rows,
                  const SoftTargets& soft) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const int64_t rows = h.rows(), d = h.cols(), vocab = params.table->compute.dim(0);
  const int64_t chunk = std::min(rows, chunk_rows > 0 ? chunk_rows : loss_rows(exec.backend));
  const DType dtype = h.dtype(), exact = compute_dtype(dtype);
  const Tensor chunk_logits = scratch.take(exact, {chunk, vocab}, "logits");
  const Tensor chunk_d_logits =
      dtype == exact ? chunk_logits : scratch.take(dtype, {chunk, vocab}, "d_logits");
  const Tensor chunk_scaled = scratch.take(dtype, {chunk, d}, "scaled decoder output");
  const Tensor chunk_loss = scratch.take(exact, {chunk}, "cross-entropy");
  // Taken whether or not there is a z-loss, which planning does not know.
  const Tensor chunk_squares = scratch.take(exact, {chunk}, "squared logarithms");
  const double coefficient = context.step.training ? context.step.logit_z_loss : 0.0;
  const bool counts_squares = coefficient > 0 && !sums.logit_z.empty();
  const double hard_scale = (soft ? 1 - soft.weight : 1.0) * context.step.loss_scale;
  const SoftChunk soft_chunk = soft ? take_soft_chunk(scratch, soft, chunk_logits) : SoftChunk{};
  const Tensor d_all = d_h.empty() ? Tensor() : room_for_all(context, scratch, d_h);
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t count = std::min(chunk, rows - begin);
    const Tensor logits = chunk_logits.slice(0, count), scaled = chunk_scaled.slice(0, count);
    const Tensor loss = chunk_loss.slice(0, count);
    const Tensor d_logits = d_h.empty() ? Tensor() : chunk_d_logits.slice(0, count);
    project_logits(exec, params, logits, scaled, h.slice(begin, count));
    const Tensor of_chunk = targets.slice(begin, count);
    const Tensor squares = counts_squares ? chunk_squares.slice(0, count) : Tensor();
    const LogitZLoss z{coefficient, squares};
    if (soft) {
      const Tensor d_soft =
          soft_loss(context, soft, soft_chunk, sums.soft, logits, of_chunk, begin);
      hard_loss(context, params, loss, logits, logits, of_chunk, hard_scale, z);
      add_inplace(exec, logits, d_soft);
      if (dtype != exact) cast(exec, d_logits, logits);
    } else {
      hard_loss(context, params, loss, d_logits, logits, of_chunk, hard_scale, z);
    }
    add_sum(exec, sums.cross_entropy, loss);
    if (counts_squares) add_sum(exec, sums.logit_z, squares);
    if (!d_h.empty()) {
      project_backward(exec, params, d_all.slice(begin, count), d_logits, scaled);
    }
  }
  if (!d_h.empty()) sum_to_stream(context, d_h, d_all, "loss d_input");
}

void output_logits(const LayerContext& context, const LossParams& params, Tensor logits, Tensor h) {
  ScratchScope scratch(context.exec);
  const Tensor scaled = scratch.take(h.dtype(), h.shape(), "scaled decoder output");
  if (context.mesh.shape().model == 1)
    return project_logits(context.exec, params, logits, scaled, h);
  const Tensor mine =
      scratch.take(logits.dtype(), {h.rows(), params.table->compute.dim(0)}, "logits");
  project_logits(context.exec, params, mine, scaled, h);
  gather_logits(context, logits, mine);
}

}  // namespace sy
