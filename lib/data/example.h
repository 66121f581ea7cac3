// SPDX-License-Identifier: Apache-2.0
// A training example and its place in the run's global order.
#pragma once

#include <cstdint>
#include <vector>

namespace sy {

// Inputs and targets both end in eos and have no padding. Both are empty after the end of a stream.
// A packed row (packed_source.h) is several examples one after another.
struct Example {
  int64_t index = 0;  // in the run: step * global_batch + place in the batch
  int64_t stream = 0;
  int64_t denoiser = 0;  // that made it, of those of the objective
  int64_t part = 0;      // of the mixture that it was drawn from: a corpus or a task
  std::vector<int32_t> inputs;
  std::vector<int32_t> targets;
  // Of a packed row: where each of its examples ends in inputs and in targets. Both are empty for
  // one example, and otherwise of equal size; each begins where the one before it ends.
  std::vector<int32_t> input_ends, target_ends;
};

// The part of the global order that a loader produces.
struct LoaderPlace {
  int64_t first_stream = 0;
  int64_t num_streams = 1;          // of this rank
  int64_t total_streams = 1;        // of the run
  int64_t examples_per_stream = 1;  // in each batch

  // A stream ends after one pass over its text, with a last example that may be shorter; examples
  // after it are empty. Otherwise streams go round endlessly, and every example is of full length.
  bool single_pass = false;

  // Global index of example `number` (from 0) of a stream.
  int64_t example_index(int64_t stream, int64_t number) const {
    const int64_t batch = number / examples_per_stream, in_batch = number % examples_per_stream;
    return (batch * total_streams + stream) * examples_per_stream + in_batch;
  }
};

}  // namespace sy
