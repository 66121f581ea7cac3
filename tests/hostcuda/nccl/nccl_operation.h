// One call of NCCL on its way through a stream: the ranks tell each other what they call, and where
// all agree they exchange the data. Nothing waits: a stream polls it.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/hostcuda/nccl/nccl_call.h"
#include "tests/hostcuda/nccl/nccl_messages.h"

struct ncclComm;

namespace sy::hostcuda {

class Operation {
 public:
  // With `peers`, ranks of the communicator other than this one.
  Operation(ncclComm& comm, const Call& call, std::vector<int> peers);
  virtual ~Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  // True once it is done. One that fails is done too, its results being NaN: the communicator has
  // failed then, on every rank.
  bool poll();

 protected:
  // `call` as the peer is told.
  virtual Call call_for(int /*peer*/) const { return call_; }
  // Copies what is sent from the device, and begins the messages of data.
  virtual void begin() = 0;
  // What was begun is done: begins more, or returns false.
  virtual bool go_on() { return false; }
  // Copies what was received to the device.
  virtual void finish() = 0;
  // Makes NaN of what would have been received.
  virtual void spoil() = 0;

  // Messages of data with a rank.
  void send(int rank, const void* bytes, size_t count);
  void receive(int rank, void* bytes, size_t count);

  ncclComm& comm_;
  const Call call_;
  const std::vector<int> peers_;

 private:
  enum class Phase : uint8_t { queued, calls, data, done };

  bool advance();
  void tell_calls();
  bool calls_match();

  Phase phase_ = Phase::queued;
  std::vector<Call> told_, heard_;  // of each peer
  Messages messages_;
};

std::vector<int> other_ranks(const ncclComm& comm);

// Between the device's memory and the host's, and NaN into the device's.
void copy_from_device(void* to, const void* from, size_t bytes);
void copy_to_device(void* to, const void* from, size_t bytes);
void spoil_device(void* at, size_t bytes);

}  // namespace sy::hostcuda
