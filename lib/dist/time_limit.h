// SPDX-License-Identifier: Apache-2.0
// Work that may hang, such as a call to a file system that is gone, when the program must go on.
#pragma once

#include <functional>

namespace sy {

// Runs `work`, which must not throw, on a thread of its own and waits for it for at most `seconds`.
// Returns whether it is done; otherwise it goes on in the background, so it must own what it uses.
bool run_within(double seconds, std::function<void()> work);

}  // namespace sy
