// SPDX-License-Identifier: Apache-2.0
#include "lib/train/optimizer/grad_reduce.h"

#include <algorithm>

namespace sy {

GradReducer::GradReducer(ParamStore& params, Mesh& mesh, int64_t bucket_elements)
    : model_(mesh.model()) {
  for (size_t region = 0; region < params.regions().size(); ++region) {
    const ParamRegion& all = params.regions()[region];
    Communicator& ranks = mesh.reduction_group(all.axes);
    add_buckets(params, region, ranks, bucket_elements);
    if (all.partial_over_model) {
      partial_.push_back(all.grads);
    } else if (ranks.size() > 1 && !all.axes.has(MeshAxis::model)) {
      replicated_.push_back(all.grads);
    }
  }
  // All ranks have the same parameters and therefore issue the collectives in the same order.
  std::stable_sort(buckets_.begin(), buckets_.end(),
                   [](const Bucket& a, const Bucket& b) { return a.first_param > b.first_param; });
}

void GradReducer::add_buckets(const ParamStore& params, size_t region, Communicator& ranks,
                              int64_t elements) {
  if (ranks.size() == 1) return;
  const Tensor grads = params.regions()[region].grads;
  int64_t begin = 0;
  int first_param = -1;
  for (const Param& param : params.all()) {
    if (params.region_of(param) != region) continue;
    if (first_param >= 0 && param.offset - begin >= elements) {
      const Tensor bucket = grads.slice(begin, param.offset - begin);
      buckets_.push_back({bucket, first_param, &ranks, nullptr});
      begin = param.offset;
      first_param = -1;
    }
    if (first_param < 0) first_param = param.number;
  }
  buckets_.push_back({grads.slice(begin, grads.numel() - begin), first_param, &ranks, nullptr});
}

void GradReducer::ready(int first) {
  while (started_ < buckets_.size() && buckets_[started_].first_param >= first) {
    Bucket& bucket = buckets_[started_++];
    bucket.request = bucket.group->start_all_reduce_sum(bucket.grads, "gradients");
  }
  poke();
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
  for (const Tensor& grads : partial_) model_.all_reduce_sum(grads, "gradients of partial sums");
  for (const Tensor& grads : replicated_) {
    model_.broadcast(grads, 0, "gradients of replicated parameters");
  }
}

}  // namespace sy
