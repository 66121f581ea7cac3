// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/nccl/nccl_operation.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/hostcuda/device/memory.h"
#include "tests/hostcuda/nccl/nccl_comm.h"

namespace sy::hostcuda {

Operation::Operation(ncclComm& comm, const Call& call, std::vector<int> peers)
    : comm_(comm), call_(call), peers_(std::move(peers)) {
  for (const int peer : peers_) {
    Turn& turn = turn_with(comm_.world[static_cast<size_t>(peer)]);
    ++turn.launches;
    turns_.push_back(turn);
  }
}

bool Operation::poll() {
  if (!advance()) return false;
  const bool failed = phase_ != Phase::done;
  // A failed call is kept: MPI may still write into its receive buffers.
  if (failed) return true;
  std::erase_if(comm_.operations, [this](const auto& each) { return each.get() == this; });
  return true;
}

bool Operation::advance() {
  if (comm_.aborted || has_failed(comm_)) {
    spoil();
    return true;
  }
  if (phase_ == Phase::queued) {
    tell_calls();
    phase_ = Phase::calls;
  }
  if (!messages_.done()) return false;
  if (phase_ == Phase::calls) {
    if (!calls_match()) {
      spoil();
      return true;
    }
    begin();
    phase_ = Phase::data;
    return false;
  }
  if (go_on()) return false;
  finish();
  phase_ = Phase::done;
  return true;
}

void Operation::tell_calls() {
  for (const int peer : peers_) told_.push_back(call_for(peer));
  for (size_t i = 0; i < peers_.size(); ++i) told_[i].turn = turns_[i];
  heard_.resize(peers_.size());
  for (size_t i = 0; i < peers_.size(); ++i) {
    const int world = comm_.world[static_cast<size_t>(peers_[i])];
    messages_.receive(world, comm_.tag(Channel::calls), &heard_[i], sizeof(Call));
    messages_.send(world, comm_.tag(Channel::calls), &told_[i], sizeof(Call));
  }
}

bool Operation::calls_match() {
  for (size_t i = 0; i < peers_.size(); ++i) {
    std::string sentence = mismatch(told_[i], comm_.rank, heard_[i], peers_[i]);
    if (sentence.empty()) sentence = misordered(told_[i], comm_.rank, heard_[i], peers_[i]);
    if (sentence.empty()) continue;
    fail(comm_, sentence);
    return false;
  }
  return true;
}

void Operation::send(int rank, const void* bytes, size_t count) {
  messages_.send(comm_.world[static_cast<size_t>(rank)], comm_.tag(Channel::data), bytes, count);
}
void Operation::receive(int rank, void* bytes, size_t count) {
  messages_.receive(comm_.world[static_cast<size_t>(rank)], comm_.tag(Channel::data), bytes, count);
}

std::vector<int> other_ranks(const ncclComm& comm) {
  std::vector<int> ranks;
  for (int rank = 0; rank < comm.size(); ++rank) {
    if (rank != comm.rank) ranks.push_back(rank);
  }
  return ranks;
}

void copy_from_device(void* to, const void* from, size_t bytes) {
  const DeviceAccess access;
  if (bytes > 0) std::memcpy(to, from, bytes);
}
void copy_to_device(void* to, const void* from, size_t bytes) {
  const DeviceAccess access;
  if (bytes > 0) std::memcpy(to, from, bytes);
}
void spoil_device(void* at, size_t bytes) {
  const DeviceAccess access;
  if (bytes > 0) std::memset(at, 0xff, bytes);
}

}  // namespace sy::hostcuda
