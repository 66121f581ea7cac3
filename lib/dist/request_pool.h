// What requests of MPI and of NCCL have in common: memory that is used again, and when an
// unfinished one is let go of.
#pragma once

#include <exception>
#include <memory>
#include <vector>

#include "lib/dist/communicator.h"

namespace sy::detail {

template <class R>
class RequestPool;

// A request of R's communicator.
template <class R>
class PooledRequest : public Request {
 public:
  explicit PooledRequest(RequestPool<R>& pool) : pool_(pool) {}
  void release() final;

 protected:
  // Stands for another collective from now on.
  void begin_again() {
    exceptions_ = std::uncaught_exceptions();
    done_ = false;
  }

  bool done_ = true;

 private:
  RequestPool<R>& pool_;
  int exceptions_ = 0;  // in flight at begin_again()
};

// The requests of one communicator, used again so that a step allocates none. One thread.
template <class R>
class RequestPool {
 public:
  // A request that R::begin(arguments...) was called on; a new one is R(*this, own...).
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

// Logs a failure as a warning.
void wait_to_release(Request& request);

// While an exception unwinds, the job is about to be ended: waiting for the others could hang, and
// the library may still write into the request, so it is not used again.
template <class R>
void PooledRequest<R>::release() {
  if (!done_ && std::uncaught_exceptions() > exceptions_) return;
  wait_to_release(*this);
  pool_.give_back(static_cast<R*>(this));
}

}  // namespace sy::detail
