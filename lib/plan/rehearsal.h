// SPDX-License-Identifier: Apache-2.0
// Plays the calls of all ranks against each other, to find a mesh that would hang or misshape.
#pragma once

#include <string>

#include "lib/dist/mesh_shape.h"
#include "lib/plan/call_ledger.h"

namespace sy {

// "" if every rank gets through all of its calls, each of which waits until every rank of its group
// is in the same call. That is stricter than a run, in which some are only started. The call must
// be alike on all of them: collective, label, dtype, elements, root, pieces; and the rows that a
// rank sends to another in a ragged all-to-all must be those that the other expects. Otherwise the
// first fault in one sentence: ranks, numbers of the calls (from 1), labels and sizes.
std::string find_call_fault(const CallLedger& ledger, const MeshShape& shape);

}  // namespace sy
