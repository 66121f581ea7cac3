// SPDX-License-Identifier: Apache-2.0
// What data.tasks and the section finetune require of each other and of the rest.
#pragma once

#include "lib/config/checker.h"

namespace sy {

void check_tasks(Checker& check, const RunConfig& config);
void check_finetune(Checker& check, const FinetuneSection& finetune);

}  // namespace sy
