// Collectives over MPI, on host memory. All-to-alls are pairwise messages, so that equal and ragged
// blocks are one path; everything longer than `message_limit` elements goes in pieces, because MPI
// counts are int.
#pragma once

#include <mpi.h>

#include "lib/dist/communicator.h"

namespace sy {

constexpr int64_t kMessageLimit = int64_t{1} << 30;

// A group over a duplicate of `comm`. Collective over comm. message_limit is lowered by tests only;
// groups split off inherit it.
std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm comm, const std::string& name,
                                                    int64_t message_limit = kMessageLimit);

}  // namespace sy
