#include "lib/dist/nccl/nccl_request.h"

namespace sy::detail {

void NcclRequest::begin(const NcclPlace& place) {
  place_ = place;
  begin_again();
}

bool NcclRequest::test() {
  if (done_) return true;
  done_ = queue_.done(place_.call.number);
  // After the query: what failed may look done.
  const ncclResult_t error = nccl_async_error(place_.comm);
  done_ |= error != ncclSuccess;  // there is nothing to wait for again
  place_.check(error, "ncclCommGetAsyncError");
  return done_;
}

void NcclRequest::wait() {
  if (done_) return;
  done_ = true;  // also when it fails: there is nothing to wait for again
  place_.check(nccl_async_error(place_.comm), "ncclCommGetAsyncError");
  queue_.make_wait(place_.call.number, compute_);
}

}  // namespace sy::detail
