// SPDX-License-Identifier: Apache-2.0
// Which checkpoint a run can go on from by itself.
#pragma once

#include <string>

#include "lib/dist/communicator.h"

namespace sy {

// The newest checkpoint under `folder` of which every checksum is right; "" if there is none at
// all. A damaged one is moved aside with a warning, so that nobody has to come before the
// run goes on. The ranks share the reading of the files. Throws DataError if the only one left is
// damaged: starting from scratch is for the user to decide. Collective.
std::string newest_intact_checkpoint(const std::string& folder, Communicator& world);

}  // namespace sy
