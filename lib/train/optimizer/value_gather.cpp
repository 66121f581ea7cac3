// SPDX-License-Identifier: Apache-2.0
#include "lib/train/optimizer/value_gather.h"

#include <algorithm>
#include <limits>

namespace sy {

ValueGather::ValueGather(ParamStore& params, Mesh& mesh, int64_t bucket_elements) {
  for (size_t i = 0; i < params.regions().size(); ++i) {
    const ParamRegion& region = params.regions()[i];
    if (!region.is_spread()) continue;
    Communicator& group = mesh.reduction_group(region.axes);
    for (const ParamBucket& bucket : buckets_of(params, i, bucket_elements)) {
      for (const Tensor& values : {region.values, region.compute}) {
        if (values.empty()) continue;
        buckets_.push_back({values.slice(bucket.elements.first, bucket.elements.count),
                            bucket.pieces, bucket.first_param, &group, nullptr});
      }
    }
  }
  // All ranks have the same parameters and therefore issue the collectives in the same order.
  std::stable_sort(buckets_.begin(), buckets_.end(),
                   [](const Bucket& a, const Bucket& b) { return a.first_param < b.first_param; });
  complete_ = buckets_.size();
}

void ValueGather::start() {
  finish();
  for (Bucket& bucket : buckets_) {
    bucket.request = bucket.group->start_all_gather(bucket.values, bucket.pieces, "values");
  }
  complete_ = 0;
}

void ValueGather::wait_below(int end) {
  while (complete_ < buckets_.size() && buckets_[complete_].first_param < end) {
    Bucket& bucket = buckets_[complete_++];
    bucket.request->wait();
    bucket.request.reset();
  }
  poke();
}

// MPI makes progress only inside its calls, so give it the chance during forward.
void ValueGather::poke() {
  for (size_t i = complete_; i < buckets_.size(); ++i) buckets_[i].request->test();
}

void ValueGather::finish() {
  wait_below(std::numeric_limits<int>::max());
}

void gather_values(ParamStore& params, Mesh& mesh) {
  ValueGather gather(params, mesh);
  gather.start();
  gather.finish();
}

}  // namespace sy
