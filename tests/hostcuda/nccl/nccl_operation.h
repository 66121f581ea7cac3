// SPDX-License-Identifier: Apache-2.0
// One NCCL call on its way through a stream. The ranks first tell each other what they call; if all
// agree, they exchange the data. Nothing blocks: a stream polls the operation.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/hostcuda/nccl/nccl_call.h"
#include "tests/hostcuda/nccl/nccl_messages.h"

struct ncclComm;

namespace sy::hostcuda {

class Operation {
 public:
  // `peers` are the other ranks of the communicator that take part. Made when the call is launched.
  Operation(ncclComm& comm, const Call& call, std::vector<int> peers);
  virtual ~Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  // Returns true once the call is done. A call that failed is done as well: its results are NaN,
  // and the communicator has failed on every rank.
  bool poll();

 protected:
  // The description of the call that the peer gets.
  virtual Call call_for(int /*peer*/) const { return call_; }
  // Copies the data to send from the device, and starts the data messages.
  virtual void begin() = 0;
  // Called when all started messages are done. Starts more, or returns false if there are none.
  virtual bool go_on() { return false; }
  // Copies the received data to the device.
  virtual void finish() = 0;
  // Fills the receive buffers with NaN.
  virtual void spoil() = 0;

  // Start a data message to or from a rank.
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
  std::vector<Turn> turns_;         // with each peer
  std::vector<Call> told_, heard_;  // sent to and received from each peer
  Messages messages_;
};

std::vector<int> other_ranks(const ncclComm& comm);

// Copy between device and host memory, and fill device memory with NaN.
void copy_from_device(void* to, const void* from, size_t bytes);
void copy_to_device(void* to, const void* from, size_t bytes);
void spoil_device(void* at, size_t bytes);

// The calls that are executed here.

// recv = sum or maximum over the ranks, taken in rank order and in the elements' own type, so that
// every run gives the same bits.
std::shared_ptr<Operation> all_reduce(ncclComm& comm, const Call& call, const void* send,
                                      void* recv);
// The sum of one rank's elements, the root's or each rank's share in turn, also in rank order.
std::shared_ptr<Operation> reduce(ncclComm& comm, const Call& call, const void* send, void* recv);
std::shared_ptr<Operation> reduce_scatter(ncclComm& comm, const Call& call, const void* send,
                                          void* recv);
std::shared_ptr<Operation> all_gather(ncclComm& comm, const Call& call, const void* send,
                                      void* recv);
std::shared_ptr<Operation> broadcast(ncclComm& comm, const Call& call, const void* send,
                                     void* recv);

// A block of a grouped send or receive. The k-th block that a rank sends to a peer is the k-th that
// the peer receives from it.
struct Block {
  void* at = nullptr;  // only read if it is sent
  uint64_t elements = 0;
};
inline BlockSizes sizes_of(const std::vector<Block>& blocks) {
  BlockSizes sizes;
  for (const Block& block : blocks) sizes.add(block.elements);
  return sizes;
}
// The part of a group that concerns one peer.
struct Part {
  int rank = 0;
  std::vector<Block> sends, receives;
};
std::shared_ptr<Operation> exchange(ncclComm& comm, const Call& call, std::vector<Part> parts);

}  // namespace sy::hostcuda
