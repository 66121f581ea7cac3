// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void check(Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v, Tensor bias_table,
           Tensor key_lengths, const AttentionSpec& spec) {
  SY_CHECK(q.rank() == 4 && k.rank() == 4 && v.shape() == k.shape() && out.shape() == q.shape() &&
               k.dim(0) == q.dim(0) && k.dim(2) == q.dim(2) && k.dim(3) == q.dim(3),
           "attention: out {}, q {}, k {}, v {}", out.shape().str(), q.shape().str(),
           k.shape().str(), v.shape().str());
  SY_CHECK(log_sum.numel() == q.dim(0) * q.dim(1) * q.dim(2) && key_lengths.numel() == q.dim(0) &&
               (bias_table.empty() || bias_table.dim(1) == q.dim(2)) &&
               (!spec.causal || q.dim(1) == k.dim(1)),
           "attention: log_sum {}, bias {}, {} key lengths, q {}", log_sum.shape().str(),
           bias_table.shape().str(), key_lengths.numel(), q.shape().str());
  SY_CHECK(
      spec.num_heads == 0 || (spec.first_head >= 0 && spec.first_head + q.dim(2) <= spec.num_heads),
      "attention: heads {} .. {} of {}", spec.first_head, spec.first_head + q.dim(2),
      spec.num_heads);
  SY_CHECK(!spec.packed() || (spec.key_ranges.numel() == 2 * q.dim(0) * q.dim(1) &&
                              spec.query_ranges.numel() == 2 * q.dim(0) * k.dim(1)),
           "attention: ranges {} and {}, q {}, k {}", spec.key_ranges.shape().str(),
           spec.query_ranges.shape().str(), q.shape().str(), k.shape().str());
}

// Takes all scratch of a call, for whichever implementation the dtype selects; nothing is allocated
// later.
AttentionScratch take_scratch(Exec& exec, ScratchScope& scope, Tensor q, Tensor k,
                              Tensor bias_table, bool backward) {
  const AttentionShape shape{q.dim(0), q.dim(2), q.dim(1),
                             k.dim(1), q.dim(3), bias_table.empty() ? 0 : bias_table.dim(0)};
  const DType dtype = compute_dtype(q.dtype());
  AttentionScratch scratch;
  scratch.buckets = scope.take(DType::i32, {shape.lq + shape.lk - 1}, "attention buckets");
  dispatch_activations(exec, q.dtype(), "attention", [&]<Backend B, class T>() {
    using Impl = AttentionImpl<B, T>;
    scratch.work = scope.take(dtype, Impl::work_shape(shape, exec.threads, backward), "attention");
    if (!backward || shape.buckets == 0) return;
    scratch.d_bias = scope.take(dtype, {Impl::d_bias_elements(shape)}, "attention d_bias");
  });
  return scratch;
}

}  // namespace

void attention_forward(Exec& exec, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                       Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec) {
  check(out, log_sum, q, k, v, bias_table, key_lengths, spec);
  if (q.numel() == 0) return;
  ScratchScope scope(exec);
  const AttentionScratch scratch = take_scratch(exec, scope, q, k, bias_table, false);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::attention);
  dispatch_activations(exec, q.dtype(), "attention", [&]<Backend B, class T>() {
    AttentionImpl<B, T>::forward(exec, out, log_sum, q, k, v, bias_table, key_lengths, spec,
                                 scratch);
  });
}

void attention_backward(Exec& exec, Tensor d_q, Tensor d_k, Tensor d_v, Tensor d_bias_table,
                        Tensor d_out, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                        Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec) {
  check(out, log_sum, q, k, v, bias_table, key_lengths, spec);
  SY_CHECK(d_q.shape() == q.shape() && d_k.shape() == k.shape() && d_v.shape() == v.shape() &&
               d_out.shape() == out.shape() && d_bias_table.shape() == bias_table.shape(),
           "attention: d_q {}, d_k {}, d_v {}, d_out {}, d_bias {}", d_q.shape().str(),
           d_k.shape().str(), d_v.shape().str(), d_out.shape().str(), d_bias_table.shape().str());
  if (q.numel() == 0) return;
  ScratchScope scope(exec);
  const AttentionScratch scratch = take_scratch(exec, scope, q, k, bias_table, true);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::attention);
  dispatch_activations(exec, q.dtype(), "attention", [&]<Backend B, class T>() {
    AttentionImpl<B, T>::backward(exec, d_q, d_k, d_v, d_bias_table, d_out, out, log_sum, q, k, v,
                                  bias_table, key_lengths, spec, scratch);
  });
}

}  // namespace sy
