// SPDX-License-Identifier: Apache-2.0
#include "lib/model/model_axis.h"

#include "kernels/elementwise/elementwise.h"
#include "lib/model/linear.h"

namespace sy {

void sum_over_model(Exec& exec, Mesh& mesh, Tensor tensor, const char* label) {
  if (mesh.shape().model == 1) return;
  const DType exact = compute_dtype(tensor.dtype());
  ScratchScope scratch(exec);
  Tensor sum = tensor;
  if (tensor.dtype() != exact) {
    sum = scratch.take(exact, tensor.shape(), "sum over the model ranks");
    cast(exec, sum, tensor);
  }
  {
    const ProfileScope profile(exec.profiler, Part::communication);
    mesh.model().all_reduce_sum(sum, label);
  }
  if (tensor.dtype() != exact) cast(exec, tensor, sum);
}

void sharded_residual_forward(const LayerContext& context, Tensor out, Tensor x, Tensor h,
                              const Param& w, const Dropout& dropout, const char* label) {
  Exec& exec = context.exec;
  if (context.mesh.shape().model == 1) {
    return linear_residual_forward(exec, out, x, h, w, dropout);
  }
  linear_forward(exec, out, h, w);
  sum_over_model(context, out, label);
  residual_dropout_forward(exec, out, x, out, dropout);
}

}  // namespace sy
