// SPDX-License-Identifier: Apache-2.0
// Texts that one rank has, on every rank. For set-up, not for the training path.
#pragma once

#include <string>
#include <vector>

#include "lib/dist/communicator.h"

namespace sy {

// The texts of rank `root`, which hold no NUL. Collective.
std::vector<std::string> share_texts(const std::vector<std::string>& texts, Communicator& group,
                                     int root = 0);

// The lowest rank where `holds` is true; group.size() if there is none. Collective.
int lowest_rank_where(bool holds, Communicator& group);

}  // namespace sy
