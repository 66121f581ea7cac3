// SPDX-License-Identifier: Apache-2.0
#include "lib/train/optimizer/grad_reduce.h"

#include <algorithm>

namespace sy {

GradReducer::GradReducer(ParamStore& params, Mesh& mesh, int64_t bucket_elements)
    : model_(mesh.model()) {
  for (size_t i = 0; i < params.regions().size(); ++i) {
    const ParamRegion& region = params.regions()[i];
    Communicator& ranks = mesh.reduction_group(region.axes);
    if (region.partial_over_model) partial_.push_back(region.own_grads());
    if (ranks.size() == 1) continue;
    for (const ParamBucket& bucket : buckets_of(params, i, bucket_elements)) {
      buckets_.push_back({region.grads.slice(bucket.elements.first, bucket.elements.count),
                          bucket.first_param, &ranks,
                          region.is_spread() ? bucket.pieces : std::vector<RowRange>{}, nullptr});
    }
    if (region.partial_over_model || region.axes.has(MeshAxis::model)) continue;
    replicated_.push_back(region.own_grads());
  }
  // All ranks have the same parameters and therefore issue the collectives in the same order.
  std::stable_sort(buckets_.begin(), buckets_.end(),
                   [](const Bucket& a, const Bucket& b) { return a.first_param > b.first_param; });
}

void GradReducer::ready(int first) {
  while (started_ < buckets_.size() && buckets_[started_].first_param >= first) {
    start(buckets_[started_++]);
  }
  poke();
}

void GradReducer::start(Bucket& bucket) {
  bucket.request =
      bucket.pieces.empty()
          ? bucket.group->start_all_reduce_sum(bucket.grads, "gradients")
          : bucket.group->start_reduce_scatter_sum(bucket.grads, bucket.pieces, "gradients");
}

// MPI makes progress only inside its calls, so give it the chance during backward.
void GradReducer::poke() {
  for (size_t i = 0; i < started_; ++i) {
    if (buckets_[i].request && buckets_[i].request->test()) buckets_[i].request.reset();
  }
}

void GradReducer::finish() {
  ready(0);
  for (Bucket& bucket : buckets_) {
    if (bucket.request) bucket.request->wait();
    bucket.request.reset();
  }
  started_ = 0;
  over_model();
}

void GradReducer::over_model() {
  if (model_.size() == 1) return;
  for (const Tensor& grads : partial_) {
    if (grads.numel() == 0) continue;
    model_.all_reduce_sum(grads, "gradients of partial sums");
  }
  for (const Tensor& grads : replicated_) {
    if (grads.numel() == 0) continue;
    model_.broadcast(grads, 0, "gradients of replicated parameters");
  }
}

}  // namespace sy
