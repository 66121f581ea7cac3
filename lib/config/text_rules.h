// SPDX-License-Identifier: Apache-2.0
// What a configuration says of its text: shards, corpora and how these are mixed.
#pragma once

#include "lib/config/checker.h"

namespace sy {

// Whether a corpus or task may have this name, which is a key in metrics, and a part of
// TensorBoard's tags and of paths: letters, digits and _ - . only, and no dot at the beginning.
bool is_name(const std::string& text);

void check_text(Checker& check, const RunConfig& config);

}  // namespace sy
