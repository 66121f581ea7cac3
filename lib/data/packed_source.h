// SPDX-License-Identifier: Apache-2.0
// Packs examples of another source into rows: several of them one after another, in inputs and in
// targets, as far as both fit. Attention keeps them apart (lib/data/batch.h).
#pragma once

#include <memory>

#include "lib/data/example_source.h"
#include "lib/data/saved_examples.h"

namespace sy {

// Rows that are open at a time. An example goes into the oldest of them that has room for it (first
// fit). If none has, it begins a row, and if that is one too many, the oldest is complete. So the
// examples of a row lie at most this many rows apart in the source.
constexpr size_t kOpenRows = 16;

// The same streams, with rows instead of examples. A row's Example has input_ends and target_ends;
// its denoiser and part are those of its first example, and its index is its own. Rows depend on
// the stream alone, and positions hold the examples of open rows, so a resumed stream goes on
// exactly. After a single pass the open rows are the last. `lengths` are a row's; throws
// InternalError for an example that is longer.
std::unique_ptr<ExampleSources> pack_sources(std::unique_ptr<ExampleSources> sources,
                                             const LoaderPlace& place,
                                             const ExampleLengths& lengths);

}  // namespace sy
