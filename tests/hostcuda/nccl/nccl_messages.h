// Messages between the processes of a NCCL communicator, over MPI and never waited for: ranks that
// come to the calls of several communicators in different orders do not block each other.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <vector>

namespace sy::hostcuda {

// What a communicator's messages are about: each has its own tag. Between two ranks those of one
// channel keep their order.
enum class Channel : int { start, calls, data, failure };
constexpr int kChannels = 4;

// Tags of the `number`-th communicator that the process with this world rank has given an id.
int first_tag(int world_rank, int number);

// Messages under way, of bytes that stay where they are until done().
class Messages {
 public:
  void send(int world_rank, int tag, const void* bytes, size_t count);
  void receive(int world_rank, int tag, void* bytes, size_t count);  // or MPI_ANY_SOURCE
  bool done();
  // Meanwhile work queued on streams goes on.
  void wait();

 private:
  std::vector<MPI_Request> requests_;
};

// Receives a message of at most `count` bytes if one is there.
bool receive_if_there(int tag, void* bytes, size_t count);

// Refers to mpi_progress.cpp, so that a program with NCCL has it.
void let_mpi_make_progress();

}  // namespace sy::hostcuda
