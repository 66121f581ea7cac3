// What a communicator has of NCCL and of the GPU.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <atomic>

#include "lib/dist/communicator.h"

namespace sy::detail {

// A NCCL communicator of the ranks of `group`, and the stream that its calls go to: served before
// others where the GPU has a choice, since other ranks wait for it. Collective over the group,
// through whose host memory the ranks find each other.
class NcclLink {
 public:
  explicit NcclLink(Communicator& group);
  ~NcclLink();  // collective, unless failed()
  NcclLink(const NcclLink&) = delete;
  NcclLink& operator=(const NcclLink&) = delete;

  ncclComm_t comm() const { return comm_; }
  cudaStream_t stream() const { return stream_; }

  // An exception is unwinding, or a call has failed: what is under way may never end.
  bool failed() const;
  // Gives up what is under way, for which freeing a GPU's memory would wait. From any thread.
  void abort();

 private:
  Communicator& group_;
  ncclComm_t comm_ = nullptr;
  cudaStream_t stream_ = nullptr;
  std::atomic<bool> aborted_{false};
};

}  // namespace sy::detail
