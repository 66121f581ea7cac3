// SPDX-License-Identifier: Apache-2.0
// Messages between the processes of an NCCL communicator, sent over MPI without blocking: ranks
// that make calls on several communicators in different orders do not block each other.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <vector>

namespace sy::hostcuda {

// The purposes of a communicator's messages. Each has its own tag; between two ranks, messages of
// one channel keep their order.
enum class Channel : int { start, calls, data, failure };
constexpr int kChannels = 4;

// The first tag of the communicator whose id is the `number`-th made by the process with this world
// rank.
int first_tag(int world_rank, int number);

// Messages in flight. Their buffers must stay valid until done() returns true.
class Messages {
 public:
  void send(int world_rank, int tag, const void* bytes, size_t count);
  void receive(int world_rank, int tag, void* bytes, size_t count);  // or MPI_ANY_SOURCE
  bool done();
  void wait();  // makes progress on queued work of streams meanwhile

 private:
  std::vector<MPI_Request> requests_;
};

// Receives a message of at most `count` bytes if one has arrived; returns whether it did.
bool receive_if_there(int tag, void* bytes, size_t count);

// Does nothing. A reference to it links mpi_progress.cpp into every program that uses NCCL.
void let_mpi_make_progress();

}  // namespace sy::hostcuda
