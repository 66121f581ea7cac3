// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention_step.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void check(Tensor out, Tensor q, Tensor k, Tensor v, Tensor bias_table, Tensor index,
           Tensor lengths) {
  SY_CHECK(q.rank() == 3 && k.rank() == 3 && out.shape() == q.shape() && v.shape() == k.shape() &&
               k.dim(1) == q.dim(1) && k.dim(2) == q.dim(2),
           "attention step: out {}, q {}, k {}, v {}", out.shape().str(), q.shape().str(),
           k.shape().str(), v.shape().str());
  SY_CHECK(index.rank() == 2 && index.dim(0) == q.dim(0) && lengths.numel() == q.dim(0) &&
               (bias_table.empty() || bias_table.dim(1) == q.dim(1)),
           "attention step: index {}, bias {}, {} lengths, q {}", index.shape().str(),
           bias_table.shape().str(), lengths.numel(), q.shape().str());
}

// A row index outside the cache would read out of bounds.
void check_index(Tensor index, Tensor lengths, int64_t rows) {
  const int64_t width = index.dim(1);
  for (int64_t b = 0; b < index.dim(0); ++b) {
    const int64_t length = lengths.data<int32_t>()[b];
    SY_CHECK(length >= 0 && length <= width, "attention step: sequence {} has {} of {} keys", b,
             length, width);
    const int32_t* row = index.data<int32_t>() + b * width;
    for (int64_t j = 0; j < length; ++j) {
      SY_CHECK(row[j] >= 0 && row[j] < rows,
               "attention step: key {} of sequence {} is row {} of {}", j, b, row[j], rows);
    }
  }
}

}  // namespace

void attention_step(Exec& exec, Tensor out, Tensor q, Tensor k, Tensor v, Tensor bias_table,
                    Tensor index, Tensor lengths, int max_distance) {
  check(out, q, k, v, bias_table, index, lengths);
  ScratchScope scratch(exec);
  Tensor work;
  dispatch_activations(exec, q.dtype(), "attention_step", [&]<Backend B, class T>() {
    const Shape shape = AttentionStepImpl<B, T>::work_shape(q.dim(0), q.dim(1), index.dim(1),
                                                            q.dim(2), exec.threads);
    work = scratch.take(compute_dtype(q.dtype()), shape, "attention step");
  });
  const Tensor buckets = scratch.take(DType::i32, {index.dim(1)}, "attention step buckets");
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::attention);
  if (exec.backend == Backend::cpu) check_index(index, lengths, k.dim(0));
  dispatch_activations(exec, q.dtype(), "attention_step", [&]<Backend B, class T>() {
    AttentionStepImpl<B, T>::forward(exec, out, q, k, v, bias_table, index, lengths, max_distance,
                                     work, buckets);
  });
}

}  // namespace sy
