// SPDX-License-Identifier: Apache-2.0
// Which checkpoint a run can go on from by itself.
#pragma once

#include <string>

#include "lib/dist/communicator.h"

namespace sy {

// The newest checkpoint under `folder` of which every checksum is right; "" if there is none at
// all. A damaged one, also one without a manifest, is moved aside with a warning, so that nobody
// has to come before the run goes on. The ranks share the reading of the files; one is damaged if
// the rank that reads it says so twice, and rank 0 too. Throws RuntimeFailure if rank 0 does not,
// and DataError if the only one left is damaged: starting from scratch is for the user to decide.
// Collective.
std::string newest_intact_checkpoint(const std::string& folder, Communicator& world);

}  // namespace sy
