// SPDX-License-Identifier: Apache-2.0
// All-reduces gradients, overlapping with backward: replicated parameters over the data ranks,
// experts over their replicas, in each case those of one model rank. Losses are already divided by
// global counts, so the sum is the gradient and needs no rescaling on any mesh.
#pragma once

#include <vector>

#include "lib/dist/mesh.h"
#include "lib/model/param.h"

namespace sy {

class GradReducer {
 public:
  // Divides the gradients of each region into buckets of about `bucket_elements`. `params` must be
  // planned.
  GradReducer(ParamStore& params, Mesh& mesh, int64_t bucket_elements = int64_t{4} << 20);

  // The gradients of parameters numbered `first` and above are complete: starts the all-reduce of
  // buckets that contain only those. Called with decreasing numbers during backward of the last
  // micro-batch.
  void ready(int first);

  // Starts the remaining all-reduces and waits for all of them. What the ranks of a model group all
  // hold, they have summed over different groups of data ranks, which need not add in the same
  // order; they then take the sum of the first of them, so that their copies stay the same to the
  // last bit. Of what each has in part (Param::partial_over_model) they take the sum over the
  // group, which gives all of them the same bits. The next ready() belongs to the next step.
  void finish();

 private:
  struct Bucket {
    Tensor grads;         // slice of a region
    int first_param;      // lowest parameter number in it
    Communicator* group;  // all-reduced over these ranks
    RequestPtr request;
  };

  void over_model();
  void add_buckets(const ParamStore& params, size_t region, Communicator& ranks, int64_t elements);
  void poke();

  std::vector<Bucket> buckets_;  // by decreasing first_param, the order of completion
  size_t started_ = 0;
  std::vector<Tensor> replicated_;  // summed regions that all ranks of a model group hold
  std::vector<Tensor> partial_;     // regions of which each of them has a part of the sum
  Communicator& model_;
};

}  // namespace sy
