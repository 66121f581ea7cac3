// Targets of prompts, options.batch prompts at a time. A prompt whose search has ended costs
// nothing more.
#pragma once

#include <functional>

#include "lib/generate/logits.h"
#include "lib/generate/search.h"

namespace sy {

using Prompts = std::vector<std::vector<int32_t>>;

// The targets of the prompts, in their order; with `ready`, each batch is told as soon as it is
// there, with the number of its first prompt. The same for any batch size, but for the rounding of
// the model's products. Throws ConfigError for options out of range.
std::vector<Generated> generate(
    NextLogits& model, const Prompts& prompts, const GenerateOptions& options,
    const std::function<void(size_t first, std::span<const Generated> targets)>& ready = {});

}  // namespace sy
