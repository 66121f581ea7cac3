#include "lib/dist/mpi_request.h"

#include <exception>

#include "lib/base/log.h"
#include "lib/dist/mpi_check.h"

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
  exceptions_ = std::uncaught_exceptions();
  requests_.clear();
  done_ = false;
}

bool MpiRequest::test() {
  if (done_) return true;
  int flag = 0;
  place_.check(MPI_Testall(count(), requests_.data(), &flag, MPI_STATUSES_IGNORE), "MPI_Testall");
  done_ = flag != 0;
  return done_;
}

void MpiRequest::wait() {
  if (done_) return;
  const WatchedCall watched(place_.call);
  done_ = true;  // also when it fails: there is nothing to wait for again
  place_.check(MPI_Waitall(count(), requests_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
}

// While an exception unwinds, the job is about to be ended: waiting for the others could hang, and
// MPI may still write into the requests, so they are not used again.
void MpiRequest::release() {
  if (!done_ && std::uncaught_exceptions() > exceptions_) return;
  try {
    wait();
  } catch (const RuntimeFailure& failure) {
    log::warn("{}", failure.what());
  }
  pool_.give_back(this);
}

std::unique_ptr<MpiRequest, ReleaseRequest> MpiRequestPool::take(const MpiPlace& place) {
  if (idle_.empty()) {
    idle_.push_back(all_.emplace_back(std::make_unique<MpiRequest>(*this)).get());
    idle_.reserve(all_.size());
  }
  MpiRequest* request = idle_.back();
  idle_.pop_back();
  request->begin(place);
  return std::unique_ptr<MpiRequest, ReleaseRequest>(request);
}

}  // namespace sy::detail
