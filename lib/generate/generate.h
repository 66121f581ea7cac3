// SPDX-License-Identifier: Apache-2.0
// Generates targets for prompts, options.batch prompts at a time. A prompt whose search has ended
// takes no further computation.
#pragma once

#include <functional>

#include "lib/generate/logits.h"
#include "lib/generate/search.h"

namespace sy {

using Prompts = std::vector<std::vector<int32_t>>;

// Returns the targets in the order of the prompts. If `ready` is given, it is called with each
// batch of targets as soon as it is complete and the index of its first prompt. Results do not
// depend on the batch size, except for rounding in GEMMs. Throws ConfigError if options are out of
// range.
std::vector<Generated> generate(
    NextLogits& model, const Prompts& prompts, const GenerateOptions& options,
    const std::function<void(size_t first, std::span<const Generated> targets)>& ready = {});

}  // namespace sy
