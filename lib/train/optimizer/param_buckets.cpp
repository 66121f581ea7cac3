// SPDX-License-Identifier: Apache-2.0
#include "lib/train/optimizer/param_buckets.h"

#include "lib/model/owned_runs.h"

namespace sy {

std::vector<ParamBucket> buckets_of(const ParamStore& params, size_t region, int64_t elements) {
  const ParamRegion& all = params.regions()[region];
  std::vector<ParamBucket> buckets;
  int64_t begin = 0;
  int first_param = -1;
  const auto add = [&](int64_t end) {
    const RowRange range{begin, end - begin};
    buckets.push_back({first_param, range, pieces_within(all.runs, range)});
  };
  for (const Param& param : params.all()) {
    if (params.region_of(param) != region) continue;
    if (first_param >= 0 && param.offset - begin >= elements) {
      add(param.offset);
      begin = param.offset;
      first_param = -1;
    }
    if (first_param < 0) first_param = param.number;
  }
  add(all.runs.back().first + all.runs.back().count);
  return buckets;
}

}  // namespace sy
