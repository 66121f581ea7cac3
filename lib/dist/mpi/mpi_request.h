// SPDX-License-Identifier: Apache-2.0
// An MPI collective in flight, and where it was called.
#pragma once

#include <mpi.h>

#include <vector>

#include "lib/dist/request_pool.h"
#include "lib/dist/watchdog.h"

namespace sy::detail {

// The context of a call, for errors.
struct MpiPlace {
  CollectiveCall call;
  int rank;
  int size;

  // Throws RuntimeFailure unless `code` is MPI_SUCCESS.
  void check(int code, const char* mpi_call) const;
};

class MpiRequest final : public PooledRequest<MpiRequest> {
 public:
  using PooledRequest::PooledRequest;

  // Reuses this object for another collective.
  void begin(const MpiPlace& place);
  // The collective did not stay in flight.
  void is_done() { done_ = true; }
  // The slot for the next MPI request of this collective.
  MPI_Request* next() { return &requests_.emplace_back(MPI_REQUEST_NULL); }

  bool test() override;
  void wait() override;

 private:
  int count() const { return static_cast<int>(requests_.size()); }

  MpiPlace place_{};
  std::vector<MPI_Request> requests_;
};

}  // namespace sy::detail
