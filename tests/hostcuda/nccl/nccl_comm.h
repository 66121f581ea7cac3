// A NCCL communicator as the host executes it. It exists until the program ends, since queued work
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
  std::vector<int> world;  // each rank's among all processes
  int tags;                // the first
  int64_t calls = 0;
  cudaStream_t stream = nullptr;                                     // all calls are on one
  std::vector<std::shared_ptr<sy::hostcuda::Operation>> operations;  // not done, or failed

  // Of any thread.
  std::atomic<bool> aborted{false};
  std::atomic<ncclResult_t> error{ncclSuccess};
  std::string sentence;  // complete before `error` is set

  // The main thread's.
  sy::hostcuda::Messages last_words;
  sy::hostcuda::Call goodbye;
  std::string cry;  // the sentence, as the others get it
};

namespace sy::hostcuda {

// Fails the communicator here and, by message, on every other rank.
void fail(ncclComm& comm, const std::string& sentence);

// It has failed, here or on another rank.
bool has_failed(ncclComm& comm);

}  // namespace sy::hostcuda
