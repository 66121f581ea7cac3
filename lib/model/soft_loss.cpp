// SPDX-License-Identifier: Apache-2.0
#include "lib/model/soft_loss.h"

#include "kernels/cross_entropy/soft_cross_entropy.h"
#include "kernels/elementwise/elementwise.h"
#include "lib/model/loss.h"

namespace sy {

SoftChunk take_soft_chunk(ScratchScope& scratch, const SoftTargets& soft, Tensor logits) {
  const int64_t rows = logits.rows();
  return {scratch.take(logits.dtype(), logits.shape(), "teacher's logits"),
          scratch.take(soft.h.dtype(), {rows, soft.h.cols()}, "teacher's scaled decoder output"),
          scratch.take(logits.dtype(), {rows}, "soft cross-entropy")};
}

Tensor soft_loss(const LayerContext& context, const SoftTargets& soft, const SoftChunk& chunk,
                 Tensor sum, Tensor logits, Tensor targets, int64_t first) {
  Exec& exec = context.exec;
  Communicator& ranks = context.mesh.model();
  const int64_t rows = logits.rows();
  const Tensor d_logits = chunk.d_logits.slice(0, rows), loss = chunk.loss.slice(0, rows);
  project_logits(exec, *soft.output, d_logits, chunk.scaled.slice(0, rows),
                 soft.h.slice(first, rows));
  ScratchScope scratch(exec);
  const Tensor all =
      scratch.take(DType::f64, {ranks.size(), rows, kSoftNumbers}, "soft cross-entropy of shards");
  if (ranks.size() == 1) {
    soft_cross_entropy_shard(exec, all.at(0), logits, d_logits, soft.temperature);
  } else {
    const Tensor mine =
        scratch.take(DType::f64, {rows, kSoftNumbers}, "soft cross-entropy of a shard");
    soft_cross_entropy_shard(exec, mine, logits, d_logits, soft.temperature);
    const ProfileScope profile(exec.profiler, Part::communication);
    ranks.all_gather(all, mine, "soft cross-entropy");
  }
  soft_cross_entropy_join(
      exec, loss, d_logits, logits, targets, all,
      {soft.temperature, soft.weight * context.step.loss_scale, context.step.logit_z_loss});
  add_sum(exec, sum, loss);
  return d_logits;
}

}  // namespace sy
