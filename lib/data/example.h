// A training example and its place in the run's global order.
#pragma once

#include <cstdint>
#include <vector>

namespace sy {

// Ids with eos at the end of both, no padding.
struct Example {
  int64_t index = 0;  // global: step * global_batch + place in the batch
  int64_t stream = 0;
  std::vector<int32_t> inputs;
  std::vector<int32_t> targets;
};

// Which part of the global order a loader gives.
struct LoaderPlace {
  int64_t first_stream = 0;
  int64_t num_streams = 1;          // this rank's
  int64_t total_streams = 1;        // of the run
  int64_t examples_per_stream = 1;  // a batch takes this many from each stream

  // Global index of the `number`-th example of a stream, from 0.
  int64_t example_index(int64_t stream, int64_t number) const {
    const int64_t batch = number / examples_per_stream, in_batch = number % examples_per_stream;
    return (batch * total_streams + stream) * examples_per_stream + in_batch;
  }
};

}  // namespace sy
