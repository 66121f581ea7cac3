// A collective under way over NCCL. "Done" is what the compute stream must see, not the host.
#pragma once

#include <memory>
#include <vector>

#include "lib/dist/communicator.h"
#include "lib/dist/nccl_check.h"
#include "lib/dist/nccl_queue.h"

namespace sy::detail {

class NcclRequestPool;

class NcclRequest final : public Request {
 public:
  explicit NcclRequest(NcclRequestPool& pool) : pool_(pool) {}

  // Stands for another collective from now on: the one that was queued last.
  void begin(const NcclPlace& place);

  bool test() override;
  void wait() override;
  void release() override;

 private:
  NcclRequestPool& pool_;
  NcclPlace place_{};
  int exceptions_ = 0;  // in flight at begin()
  bool done_ = true;
};

// The requests of one communicator, used again so that a step allocates none. One thread.
class NcclRequestPool {
 public:
  // `compute` is the stream that waiting makes wait.
  NcclRequestPool(NcclQueue& queue, cudaStream_t compute) : queue_(queue), compute_(compute) {}

  NcclQueue& queue() const { return queue_; }
  cudaStream_t compute() const { return compute_; }

  RequestPtr take(const NcclPlace& place);
  void give_back(NcclRequest* request) { idle_.push_back(request); }

 private:
  NcclQueue& queue_;
  const cudaStream_t compute_;
  std::vector<std::unique_ptr<NcclRequest>> all_;
  std::vector<NcclRequest*> idle_;
};

}  // namespace sy::detail
