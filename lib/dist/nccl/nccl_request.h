// A collective under way over NCCL. "Done" is what the compute stream must see, not the host.
#pragma once

#include "lib/dist/nccl/nccl_check.h"
#include "lib/dist/nccl/nccl_queue.h"
#include "lib/dist/request_pool.h"

namespace sy::detail {

class NcclRequest final : public PooledRequest<NcclRequest> {
 public:
  // `compute` is the stream that waiting makes wait.
  NcclRequest(RequestPool<NcclRequest>& pool, NcclQueue& queue, const cudaStream_t& compute)
      : PooledRequest(pool), queue_(queue), compute_(compute) {}

  // Stands for another collective from now on: the one that was queued last.
  void begin(const NcclPlace& place);

  bool test() override;
  void wait() override;

 private:
  NcclQueue& queue_;
  const cudaStream_t compute_;
  NcclPlace place_{};
};

}  // namespace sy::detail
