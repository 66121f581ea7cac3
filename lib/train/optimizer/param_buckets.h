// SPDX-License-Identifier: Apache-2.0
// Parts of a region that are reduced or gathered as a whole: large enough for the network, small
// enough to begin early.
#pragma once

#include <vector>

#include "lib/dist/mesh.h"
#include "lib/model/param.h"

namespace sy {

constexpr int64_t kBucketElements = int64_t{4} << 20;

struct ParamBucket {
  int first_param = 0;           // lowest parameter number in it
  RowRange elements;             // of the region
  std::vector<RowRange> pieces;  // of each owner, counted from the bucket's beginning
};

// Whole parameters in order, `elements` or somewhat more to a bucket. `params` must be planned.
std::vector<ParamBucket> buckets_of(const ParamStore& params, size_t region, int64_t elements);

}  // namespace sy
