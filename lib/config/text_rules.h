// SPDX-License-Identifier: Apache-2.0
// What a configuration says of its text: shards, corpora and how these are mixed.
#pragma once

#include "lib/config/checker.h"

namespace sy {

void check_text(Checker& check, const RunConfig& config);

}  // namespace sy
