// SPDX-License-Identifier: Apache-2.0
// Sums gradients, overlapping with backward: replicated parameters over the data ranks, experts
// over their replicas, in each case those of one model rank. All of them get the sum or, where each
// parameter is updated by one owner, that owner does. Losses are already divided by global counts,
// so the sum is the gradient and needs no rescaling on any mesh.
#pragma once

#include <vector>

#include "lib/dist/mesh.h"
#include "lib/model/param.h"
#include "lib/train/optimizer/param_buckets.h"

namespace sy {

class GradReducer {
 public:
  // Divides the gradients of each region into buckets of about `bucket_elements`. `params` must be
  // planned.
  GradReducer(ParamStore& params, Mesh& mesh, int64_t bucket_elements = kBucketElements);

  // The gradients of parameters numbered `first` and above are complete: starts the sums of
  // buckets that contain only those. Called with decreasing numbers during backward of the last
  // micro-batch.
  void ready(int first);

  // Starts the remaining sums and waits for all of them. What the ranks of a model group all
  // hold, they have summed over different groups of data ranks, which need not add in the same
  // order; they then take the sum of the first of them, so that their copies stay the same to the
  // last bit. Of what each has in part (Param::partial_over_model) they take the sum over the
  // group, which gives all of them the same bits. The next ready() belongs to the next step.
  void finish();

 private:
  struct Bucket {
    Tensor grads;                  // slice of a region
    int first_param;               // lowest parameter number in it
    Communicator* group;           // summed over these ranks
    std::vector<RowRange> pieces;  // of each owner; empty if all ranks get the sum
    RequestPtr request;
  };

  void start(Bucket& bucket);
  void over_model();
  void poke();

  std::vector<Bucket> buckets_;  // by decreasing first_param, the order of completion
  size_t started_ = 0;
  // What this rank has of the sums that all ranks of a model group hold, and of those of which each
  // of them has a part.
  std::vector<Tensor> replicated_, partial_;
  Communicator& model_;
};

}  // namespace sy
