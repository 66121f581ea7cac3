// SPDX-License-Identifier: Apache-2.0
// Work on a thread of its own, beside training.
#pragma once

#include <functional>
#include <future>

#include "lib/checkpoint/checkpoint.h"

namespace sy::checkpoint {

// Runs `work` on a new thread. beside_training raises the thread's nice value by 14, which is a
// weight of 45 beside 1024 in Linux's scheduler: it gets what is idle, and at most 4.2 % of a core
// that is not. Without privileges this cannot be taken back. Nothing waits for the thread unless
// asked to, so `work` must own what it uses.
std::future<void> in_background(WritePace pace, std::function<void()> work);

}  // namespace sy::checkpoint
