// SPDX-License-Identifier: Apache-2.0
// An NCCL communicator as executed on the host. It lives until the program ends, since queued work
// and messages may refer to it after it was destroyed.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/hostcuda/nccl/nccl_call.h"
#include "tests/hostcuda/nccl/nccl_messages.h"

namespace sy::hostcuda {
class Operation;
}

struct ncclComm {
  int tag(sy::hostcuda::Channel channel) const { return tags + static_cast<int>(channel); }
  int size() const { return static_cast<int>(world.size()); }

  int rank;
  std::vector<int> world;  // each rank's number in MPI_COMM_WORLD
  int tags;                // the first of its message tags
  int64_t calls = 0;
  cudaStream_t stream = nullptr;                                     // the stream of all calls
  std::vector<std::shared_ptr<sy::hostcuda::Operation>> operations;  // unfinished or failed

  // Shared by all threads.
  std::atomic<bool> aborted{false}, destroyed{false};
  std::atomic<ncclResult_t> error{ncclSuccess};
  std::string sentence;  // complete before `error` is set

  // Used by the main thread only.
  sy::hostcuda::Messages last_words;
  sy::hostcuda::Call goodbye;
  std::string cry;  // the sentence in the form sent to the other ranks
};

namespace sy::hostcuda {

// Marks the communicator as failed here and, by message, on every other rank.
void fail(ncclComm& comm, const std::string& sentence);

// Whether it has failed, here or on another rank.
bool has_failed(ncclComm& comm);

// Reports a call with a communicator that ncclCommAbort or ncclCommDestroy has freed.
void check_alive(ncclComm_t comm, const char* call);

// What ncclGetVersion says; tests may change it.
int& reported_version();

// What this process has launched together with the one of this number in MPI_COMM_WORLD.
Turn& turn_with(int world_rank);

// Refuses a call: keeps the sentence for ncclGetLastError and returns `result`.
ncclResult_t refuse(ncclResult_t result, const std::string& sentence);

}  // namespace sy::hostcuda
