// A collective under way over MPI, and where it was called.
#pragma once

#include <mpi.h>

#include <memory>
#include <vector>

#include "lib/dist/communicator.h"
#include "lib/dist/watchdog.h"

namespace sy::detail {

// Where a call is made: what an error names.
struct MpiPlace {
  CollectiveCall call;
  int rank;
  int size;

  // Throws RuntimeFailure unless `code` is MPI_SUCCESS.
  void check(int code, const char* mpi_call) const;
};

class MpiRequestPool;

class MpiRequest final : public Request {
 public:
  explicit MpiRequest(MpiRequestPool& pool) : pool_(pool) {}

  // Begins another collective in this memory.
  void begin(const MpiPlace& place);
  // Where the next MPI request of the collective goes.
  MPI_Request* next() { return &requests_.emplace_back(MPI_REQUEST_NULL); }

  bool test() override;
  void wait() override;
  void release() override;

 private:
  int count() const { return static_cast<int>(requests_.size()); }

  MpiRequestPool& pool_;
  MpiPlace place_{};
  int exceptions_ = 0;  // in flight at begin()
  std::vector<MPI_Request> requests_;
  bool done_ = true;
};

// The requests of one communicator, used again so that a step allocates none. One thread.
class MpiRequestPool {
 public:
  std::unique_ptr<MpiRequest, ReleaseRequest> take(const MpiPlace& place);
  void give_back(MpiRequest* request) { idle_.push_back(request); }

 private:
  std::vector<std::unique_ptr<MpiRequest>> all_;
  std::vector<MpiRequest*> idle_;
};

}  // namespace sy::detail
