// SPDX-License-Identifier: Apache-2.0
// What routers and experts in attention rule out among the values of a configuration.
#pragma once

#include "lib/config/checker.h"

namespace sy {

void check_router_relations(Checker& check, const RunConfig& config);

}  // namespace sy
