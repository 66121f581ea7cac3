// SPDX-License-Identifier: Apache-2.0
// Collectives over MPI, on host memory. All-to-alls are pairwise messages, so equal and ragged
// blocks share one code path. MPI counts are int, so messages longer than `message_limit` elements
// are split.
#pragma once

#include <mpi.h>

#include "lib/dist/communicator.h"

namespace sy {

constexpr int64_t kMessageLimit = int64_t{1} << 30;

// Others are for tests.
struct MpiOptions {
  int64_t message_limit = kMessageLimit;
  // Otherwise sums that are started among ranks of one host are done when the start returns. There
  // is nothing to hide behind computing: the cores that would compute move the data, and Open MPI's
  // sums in flight take twice the time of others (docs/performance.md, "Sums on one host").
  bool sums_in_flight_on_one_host = false;
};

// Makes a group over a duplicate of `comm`. Collective over comm. Groups split off inherit the
// options.
std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm comm, const std::string& name,
                                                    const MpiOptions& options = {});

}  // namespace sy
