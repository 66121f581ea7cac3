// SPDX-License-Identifier: Apache-2.0
// The NCCL communicator and the CUDA stream behind a communicator.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <mutex>
#include <string>

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

  // For the next call. Throws RuntimeFailure after abort().
  ncclComm_t comm() const;
  cudaStream_t stream() const { return stream_; }

  // The asynchronous error; ncclSuccess if there is none. After abort(), which frees the
  // communicator, the one that it had then, or ncclRemoteError. Callable from any thread, as is
  // error_text(), NCCL's text for `result`.
  ncclResult_t error() const;
  std::string error_text(ncclResult_t result) const;

  // Whether an exception is unwinding or a call has failed. Calls in flight may then never end.
  bool failed() const;
  // Aborts the calls in flight; freeing GPU memory would otherwise wait for them. Callable from any
  // thread.
  void abort();

 private:
  Communicator& group_;
  ncclComm_t comm_ = nullptr;
  cudaStream_t stream_ = nullptr;

  // Held while the communicator is asked for something, so that nobody else frees it meanwhile; not
  // during a call, which abort() must be able to end.
  mutable std::mutex mutex_;
  bool freed_ = false;
  ncclResult_t last_error_ = ncclRemoteError;  // once freed
};

}  // namespace sy::detail
