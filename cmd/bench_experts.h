// SPDX-License-Identifier: Apache-2.0
// Output of `bench --part experts`.
#pragma once

#include "lib/bench/expert_bench.h"

namespace sy {

void print_experts(const ExpertBench& bench, bool json);

}  // namespace sy
