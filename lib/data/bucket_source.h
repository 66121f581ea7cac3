// SPDX-License-Identifier: Apache-2.0
// Gives the examples of another source out by length, so that those of a batch are about equally
// long and the batch needs little padding.
#pragma once

#include <memory>

#include "lib/data/example_source.h"
#include "lib/data/saved_examples.h"

namespace sy {

// The same streams in another order. A stream takes its examples of `batches` batches at a time,
// sorts them by their tokens, inputs and targets together (those of equal length stay in order),
// and gives them out in as many classes of length, one a batch. The order of a window's classes is
// drawn by the seed and the window's number, the same for all streams: the streams of a batch agree
// in their class, and training does not go from short to long.
//
// Positions hold the examples that are left of the window, in the order in which they come, so a
// resumed stream goes on exactly; with another `batches` it uses up that window first. `lengths`
// are the longest that an example may have. Not for a single pass.
std::unique_ptr<ExampleSources> bucket_sources(std::unique_ptr<ExampleSources> sources,
                                               const LoaderPlace& place, int64_t batches,
                                               uint64_t seed, const ExampleLengths& lengths);

}  // namespace sy
