// SPDX-License-Identifier: Apache-2.0
#include "lib/model/dense_ffn.h"

#include "kernels/rms_norm/rms_norm.h"
#include "lib/model/model_axis.h"

namespace sy {

DenseFfnParams dense_ffn_params(ParamStore& store, const std::string& prefix,
                                const ModelSection& model) {
  DenseFfnParams params;
  params.norm = norm_params(store, prefix + "/norm", model.d_model);
  params.inner = feed_forward_params(store, prefix, model, model.d_ff);
  params.output_site = store.add_site("dropout/" + prefix + "/output");
  return params;
}

DenseFfnSaved dense_ffn_plan(Arena& arena, const ModelSection& model, const LayerDims& dims) {
  DenseFfnSaved saved;
  saved.rstd = arena.take(dims.statistics(), {dims.stream_rows()}, "ffn rstd");
  saved.normed = arena.take(dims.dtype, {dims.stream_rows(), model.d_model}, "ffn normed");
  saved.inner = feed_forward_plan(arena, model, dims, model.d_ff);
  return saved;
}

void dense_ffn_forward(const LayerContext& context, const DenseFfnParams& params,
                       DenseFfnSaved& saved, Tensor out, Tensor x) {
  const int64_t rows = context.stream_rows();
  const Tensor normed = saved.normed.slice(0, rows);
  saved.x = x;
  rms_norm_forward(context.exec, normed, saved.rstd.slice(0, rows), x, params.norm->value);
  const Tensor activated = feed_forward_inner(context, params.inner, saved.inner, normed);
  if (out.empty()) return;
  sharded_residual_forward(context, out, x, activated, *params.inner.wo,
                           context.dropout(params.output_site), "ffn output");
}

void dense_ffn_backward(const LayerContext& context, const DenseFfnParams& params,
                        const DenseFfnSaved& saved, Tensor d_x, Tensor d_out) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const int64_t rows = context.stream_rows();
  // Has room for the gradient of the output of wo, and later holds that of the norm's output.
  const Tensor d_inner = scratch.take(d_out.dtype(), d_out.shape(), "ffn d_normed");
  const Tensor d_rows = dropout_backward(exec, d_inner, d_out, context.dropout(params.output_site));
  feed_forward_backward(context, params.inner, saved.inner, d_inner, d_rows,
                        saved.normed.slice(0, rows));
  rms_norm_backward(exec, d_x, params.norm->cleared_grad(exec), d_inner, saved.x,
                    params.norm->value, saved.rstd.slice(0, rows), d_out);
}

}  // namespace sy
