// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/mpi/mpi_request.h"

#include "lib/dist/flight/flight_ring.h"
#include "lib/dist/mpi/mpi_check.h"

namespace sy::detail {

void MpiPlace::check(int code, const char* mpi_call) const {
  if (code == MPI_SUCCESS) [[likely]]
    return;
  throw RuntimeFailure(fmt::format("{} \"{}\" (call {} of group {}, rank {} of {}): {}: {}",
                                   call.call, call.label, call.number, call.group, rank, size,
                                   mpi_call, mpi_error_text(code)));
}

void MpiRequest::begin(const MpiPlace& place) {
  place_ = place;
  requests_.clear();
  begin_again();
}

bool MpiRequest::test() {
  if (done_) return true;
  int flag = 0;
  place_.check(MPI_Testall(count(), requests_.data(), &flag, MPI_STATUSES_IGNORE), "MPI_Testall");
  done_ = flag != 0;
  if (done_) flight::call_ends(place_.call.record, flight::Clock::now());
  return done_;
}

void MpiRequest::wait() {
  if (done_) return;
  const WatchedCall watched(place_.call);
  done_ = true;  // on failure too: nothing is left to wait for
  place_.check(MPI_Waitall(count(), requests_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
}

}  // namespace sy::detail
