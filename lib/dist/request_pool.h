// SPDX-License-Identifier: Apache-2.0
// What MPI and NCCL requests share: memory that is reused, and the rule for releasing unfinished
// requests.
#pragma once

#include <exception>
#include <memory>
#include <vector>

#include "lib/dist/communicator.h"

namespace sy::detail {

template <class R>
class RequestPool;

// Base class of a pooled request type R.
template <class R>
class PooledRequest : public Request {
 public:
  explicit PooledRequest(RequestPool<R>& pool) : pool_(pool) {}
  void release() final;

 protected:
  // Reuses this object for another collective.
  void begin_again() {
    exceptions_ = std::uncaught_exceptions();
    done_ = false;
  }

  bool done_ = true;

 private:
  RequestPool<R>& pool_;
  int exceptions_ = 0;  // in flight at begin_again()
};

// The requests of one communicator, reused so that a step allocates none. For a single thread.
template <class R>
class RequestPool {
 public:
  // Returns a request on which R::begin(place) was called. If none is idle, a new one is made as
  // R(*this, own...).
  template <class Place, class... Own>
  std::unique_ptr<R, ReleaseRequest> take(const Place& place, Own&... own) {
    if (idle_.empty()) {
      idle_.push_back(all_.emplace_back(std::make_unique<R>(*this, own...)).get());
      idle_.reserve(all_.size());
    }
    R* const request = idle_.back();
    idle_.pop_back();
    request->begin(place);
    return std::unique_ptr<R, ReleaseRequest>(request);
  }

  void give_back(R* request) { idle_.push_back(request); }

 private:
  std::vector<std::unique_ptr<R>> all_;
  std::vector<R*> idle_;
};

// Waits for the request; a failure is only logged, as a warning.
void wait_to_release(Request& request);

// While an exception unwinds, the job is about to end. Waiting for other ranks could then hang, and
// the library may still write into the request, so it is abandoned and not reused.
template <class R>
void PooledRequest<R>::release() {
  if (!done_ && std::uncaught_exceptions() > exceptions_) return;
  wait_to_release(*this);
  pool_.give_back(static_cast<R*>(this));
}

}  // namespace sy::detail
