// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/nccl/nccl_messages.h"

#include <sched.h>

#include <climits>

#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/runtime/stream.h"

namespace sy::hostcuda {
namespace {

// Messages use MPI_COMM_WORLD, which knows every rank; the program's own communicators are copies
// of it, so the tags cannot clash.
constexpr int kMaxRanks = 256, kMaxCommunicators = 1 << 20;
static_assert(static_cast<long>(kMaxRanks) * kMaxCommunicators * kChannels - 1 <= INT_MAX);

void check(int code, const char* call) {
  if (code != MPI_SUCCESS) (Message() << "NCCL over MPI: " << call << " failed").die();
}

int size_of_message(size_t count) {
  if (count > INT_MAX)
    (Message() << "NCCL over MPI: a message of " << count << " bytes is too long").die();
  return static_cast<int>(count);
}

}  // namespace

int first_tag(int world_rank, int number) {
  if (world_rank >= kMaxRanks || number >= kMaxCommunicators) {
    (Message() << "NCCL over MPI: too many ranks or communicators").die();
  }
  return (world_rank * kMaxCommunicators + number) * kChannels;
}

void Messages::send(int world_rank, int tag, const void* bytes, size_t count) {
  check(PMPI_Isend(bytes, size_of_message(count), MPI_BYTE, world_rank, tag, MPI_COMM_WORLD,
                   &requests_.emplace_back(MPI_REQUEST_NULL)),
        "MPI_Isend");
}

void Messages::receive(int world_rank, int tag, void* bytes, size_t count) {
  check(PMPI_Irecv(bytes, size_of_message(count), MPI_BYTE, world_rank, tag, MPI_COMM_WORLD,
                   &requests_.emplace_back(MPI_REQUEST_NULL)),
        "MPI_Irecv");
}

bool Messages::done() {
  if (requests_.empty()) return true;
  int flag = 0;
  check(PMPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &flag,
                     MPI_STATUSES_IGNORE),
        "MPI_Testall");
  if (flag != 0) requests_.clear();
  return flag != 0;
}

void Messages::wait() {
  while (!done()) {
    if (!make_progress()) sched_yield();
  }
}

bool receive_if_there(int tag, void* bytes, size_t count) {
  int flag = 0;
  MPI_Status status;
  check(PMPI_Iprobe(MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, &flag, &status), "MPI_Iprobe");
  if (flag == 0) return false;
  check(PMPI_Recv(bytes, size_of_message(count), MPI_BYTE, status.MPI_SOURCE, tag, MPI_COMM_WORLD,
                  MPI_STATUS_IGNORE),
        "MPI_Recv");
  return true;
}

}  // namespace sy::hostcuda
