// SPDX-License-Identifier: Apache-2.0
#include "lib/model/loss.h"

#include <algorithm>
#include <cmath>

#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/gemm/gemm.h"
#include "lib/config/config.h"

namespace sy {
namespace {

// Computes scaled = params.scale * h and the logits of it.
void project(Exec& exec, const LossParams& params, Tensor logits, Tensor scaled, Tensor h) {
  copy(exec, scaled, h);
  if (params.scale != 1.0) scale_inplace(exec, scaled, params.scale);
  gemm(exec, logits, scaled, params.table->compute, {.transpose_b = true});
}

// Propagates the gradient of the logits, which has replaced the logits, to h and the table.
void project_backward(Exec& exec, const LossParams& params, Tensor d_h, Tensor d_logits,
                      Tensor scaled) {
  gemm(exec, params.table->grad, d_logits, scaled,
       {.transpose_a = true, .accumulate = params.table->adds_to_grad()});
  gemm(exec, d_h, d_logits, params.table->compute);
  if (params.scale != 1.0) scale_inplace(exec, d_h, params.scale);
}

}  // namespace

int64_t loss_rows(Backend backend) {
  return backend == Backend::cpu ? 256 : 2048;
}

LossParams loss_params(ParamStore& store, const ModelSection& model, Param* embedding) {
  const double d = static_cast<double>(model.d_model);
  const double scale = scales_decoder_outputs(model) ? 1.0 / std::sqrt(d) : 1.0;
  if (model.tie_embeddings) return {embedding, scale};
  const Init init{Init::Kind::truncated_normal, std::sqrt(model.init_scale / d)};
  return {store.add("lm_head", embedding->shape, Placement::replicated(), init), scale};
}

void loss_forward(const LayerContext& context, const LossParams& params, Tensor total, Tensor d_h,
                  Tensor h, Tensor targets, int64_t chunk_rows) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const int64_t rows = h.rows(), d = h.cols(), vocab = params.table->value.dim(0);
  const int64_t chunk = std::min(rows, chunk_rows > 0 ? chunk_rows : loss_rows(exec.backend));
  const DType dtype = h.dtype(), exact = compute_dtype(dtype);
  const Tensor chunk_logits = scratch.take(exact, {chunk, vocab}, "logits");
  const Tensor chunk_d_logits =
      dtype == exact ? chunk_logits : scratch.take(dtype, {chunk, vocab}, "d_logits");
  const Tensor chunk_scaled = scratch.take(dtype, {chunk, d}, "scaled decoder output");
  const Tensor chunk_loss = scratch.take(exact, {chunk}, "cross-entropy");
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t count = std::min(chunk, rows - begin);
    const Tensor logits = chunk_logits.slice(0, count), scaled = chunk_scaled.slice(0, count);
    const Tensor loss = chunk_loss.slice(0, count);
    const Tensor d_logits = d_h.empty() ? Tensor() : chunk_d_logits.slice(0, count);
    project(exec, params, logits, scaled, h.slice(begin, count));
    cross_entropy(exec, loss, d_logits, logits, targets.slice(begin, count),
                  context.step.loss_scale);
    add_sum(exec, total, loss);
    if (!d_h.empty()) {
      project_backward(exec, params, d_h.slice(begin, count), d_logits, scaled);
    }
  }
}

void output_logits(const LayerContext& context, const LossParams& params, Tensor logits, Tensor h) {
  ScratchScope scratch(context.exec);
  const Tensor scaled = scratch.take(h.dtype(), h.shape(), "scaled decoder output");
  project(context.exec, params, logits, scaled, h);
}

}  // namespace sy
