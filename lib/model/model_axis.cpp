// SPDX-License-Identifier: Apache-2.0
#include "lib/model/model_axis.h"

#include "kernels/elementwise/elementwise.h"
#include "lib/base/numeric.h"
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

bool sends_columns(const MeshShape& mesh) {
  return mesh.model > 1 && mesh.expert > 1;
}

int64_t sent_columns(const MeshShape& mesh, int64_t d_model) {
  return sends_columns(mesh) ? div_exact(d_model, int64_t{mesh.model}) : d_model;
}

void take_columns(const LayerContext& context, Tensor mine, Tensor whole) {
  const int64_t cols = mine.cols();
  copy_columns(context.exec, mine, 0, whole, context.mesh.model_rank() * cols, cols);
}

void gather_columns(const LayerContext& context, Tensor whole, Tensor mine, const char* label) {
  Communicator& ranks = context.mesh.model();
  const int64_t cols = mine.cols();
  ScratchScope scratch(context.exec);
  const Tensor all =
      scratch.take(mine.dtype(), {ranks.size(), mine.rows(), cols}, "columns of the model ranks");
  {
    const ProfileScope profile(context.exec.profiler, Part::communication);
    ranks.all_gather(all, mine, label);
  }
  for (int rank = 0; rank < ranks.size(); ++rank) {
    copy_columns(context.exec, whole, rank * cols, all.at(rank), 0, cols);
  }
}

void sum_to_columns(const LayerContext& context, Tensor mine, Tensor partial, const char* label) {
  Exec& exec = context.exec;
  Communicator& ranks = context.mesh.model();
  const int64_t rows = mine.rows(), cols = mine.cols();
  const DType exact = compute_dtype(mine.dtype());
  const bool rounded = exact != mine.dtype();
  ScratchScope scratch(exec);
  const Tensor blocks =
      scratch.take(exact, {ranks.size(), rows, cols}, "columns for the model ranks");
  const Tensor terms = rounded ? scratch.take(exact, partial.shape(), "exact columns") : partial;
  const Tensor sum = rounded ? scratch.take(exact, mine.shape(), "sum of columns") : mine;
  if (rounded) cast(exec, terms, partial);
  for (int rank = 0; rank < ranks.size(); ++rank) {
    copy_columns(exec, blocks.at(rank), 0, terms, rank * cols, cols);
  }
  {
    const ProfileScope profile(exec.profiler, Part::communication);
    ranks.reduce_scatter_sum(sum, blocks, label);
  }
  if (rounded) cast(exec, mine, sum);
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
