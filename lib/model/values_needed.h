// SPDX-License-Identifier: Apache-2.0
// Reports during a forward pass which parameters it is about to read, so that values that are still
// on their way are waited for no earlier.
#pragma once

#include <functional>

namespace sy {

// Called before the values of parameters numbered below `end` are read. Numbers increase from call
// to call. May be empty: all values are there.
using ValuesNeeded = std::function<void(int end)>;

}  // namespace sy
