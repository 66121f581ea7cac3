#include "lib/dist/nccl_request.h"

#include <exception>

#include "lib/base/error.h"
#include "lib/base/log.h"

namespace sy::detail {

void NcclRequest::begin(const NcclPlace& place) {
  place_ = place;
  exceptions_ = std::uncaught_exceptions();
  done_ = false;
}

bool NcclRequest::test() {
  if (done_) return true;
  done_ = pool_.queue().done(place_.call.number);
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
  pool_.queue().make_wait(place_.call.number, pool_.compute());
}

// While an exception unwinds, the job is about to be ended.
void NcclRequest::release() {
  if (!done_ && std::uncaught_exceptions() > exceptions_) return;
  try {
    wait();
  } catch (const RuntimeFailure& failure) {
    log::warn("{}", failure.what());
  }
  pool_.give_back(this);
}

RequestPtr NcclRequestPool::take(const NcclPlace& place) {
  if (idle_.empty()) {
    idle_.push_back(all_.emplace_back(std::make_unique<NcclRequest>(*this)).get());
    idle_.reserve(all_.size());
  }
  NcclRequest* request = idle_.back();
  idle_.pop_back();
  request->begin(place);
  return RequestPtr(request);
}

}  // namespace sy::detail
