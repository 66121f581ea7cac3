// SPDX-License-Identifier: Apache-2.0
// Collectives over MPI, on host memory. All-to-alls are pairwise messages, so equal and ragged
// blocks share one code path. MPI counts are int, so messages longer than `message_limit` elements
// are split.
#pragma once

#include <mpi.h>

#include "lib/dist/communicator.h"

namespace sy {

constexpr int64_t kMessageLimit = int64_t{1} << 30;

// Makes a group over a duplicate of `comm`. Collective over comm. Only tests lower message_limit;
// groups split off inherit it.
std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm comm, const std::string& name,
                                                    int64_t message_limit = kMessageLimit);

}  // namespace sy
