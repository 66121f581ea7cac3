// SPDX-License-Identifier: Apache-2.0
// The NCCL communicator and the CUDA stream behind a communicator.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <atomic>

#include "lib/dist/communicator.h"

namespace sy::detail {

// A NCCL communicator of the ranks of `group` and the stream for its calls. The stream has the
// highest priority, since other ranks wait for it. Collective over the group, which bootstraps it
// through host memory.
class NcclLink {
 public:
  explicit NcclLink(Communicator& group);
  ~NcclLink();  // collective, unless failed()
  NcclLink(const NcclLink&) = delete;
  NcclLink& operator=(const NcclLink&) = delete;

  ncclComm_t comm() const { return comm_; }
  cudaStream_t stream() const { return stream_; }

  // Whether an exception is unwinding or a call has failed. Calls in flight may then never end.
  bool failed() const;
  // Aborts the calls in flight; freeing GPU memory would otherwise wait for them. Callable from any
  // thread.
  void abort();

 private:
  Communicator& group_;
  ncclComm_t comm_ = nullptr;
  cudaStream_t stream_ = nullptr;
  std::atomic<bool> aborted_{false};
};

}  // namespace sy::detail
