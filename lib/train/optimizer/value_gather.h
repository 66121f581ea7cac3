// SPDX-License-Identifier: Apache-2.0
// Where each parameter is updated by one owner (ZeRO-1), brings the values to the other ranks that
// hold it: those that the passes read, so the bfloat16 copies in place of master weights that
// nothing reads. Overlaps with the next forward pass. Sends nothing where every holder updates.
#pragma once

#include <vector>

#include "lib/dist/mesh.h"
#include "lib/model/param.h"
#include "lib/train/optimizer/param_buckets.h"

namespace sy {

class ValueGather {
 public:
  // `params` must be planned.
  ValueGather(ParamStore& params, Mesh& mesh, int64_t bucket_elements = kBucketElements);

  // Starts gathering what this rank and the others own now, in the order in which a forward pass
  // reads it. Values must not change until they are complete. Collective.
  void start();

  // Operations issued from now on see all values of the parameters numbered below `end`. Costs
  // nothing once they are complete.
  void wait_below(int end);
  // The same for every parameter.
  void finish();

 private:
  struct Bucket {
    Tensor values;
    std::vector<RowRange> pieces;
    int first_param;
    Communicator* group;
    RequestPtr request;
  };

  void poke();

  std::vector<Bucket> buckets_;  // by increasing first_param
  size_t complete_ = 0;          // buckets waited for
};

// start() and finish(), for values that were set otherwise than by an update. Collective.
void gather_values(ParamStore& params, Mesh& mesh);

}  // namespace sy
