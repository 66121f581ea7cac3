// Sums gradients over the ranks that hold copies of a parameter, beginning while backward still
// runs, as its placement says: replicated ones over the data ranks, experts over their replicas.
// Losses are already divided by the global counts, so the sum is the gradient and nothing is
// rescaled, whatever the mesh.
#pragma once

#include <vector>

#include "lib/dist/mesh.h"
#include "lib/model/param.h"

namespace sy {

class GradReducer {
 public:
  // Cuts each region's gradients into buckets of about `bucket_elements`. `params` is planned.
  GradReducer(ParamStore& params, Mesh& mesh, int64_t bucket_elements = int64_t{4} << 20);

  // Parameters numbered `first` and above are complete: starts the buckets that hold no earlier
  // one. Called from the last parameters to the first, during the last micro-batch's backward.
  void ready(int first);

  // Starts what has not started, waits for all; the next call of ready() begins a new step.
  void finish();

 private:
  struct Bucket {
    Tensor grads;         // slice of a region's
    int first_param;      // lowest number in it
    Communicator* group;  // over which it is summed
    RequestPtr request;
  };

  void add_buckets(const ParamStore& params, size_t region, Communicator& ranks, int64_t elements);
  void poke();

  std::vector<Bucket> buckets_;  // by falling first_param: the order in which they complete
  size_t started_ = 0;
};

}  // namespace sy
