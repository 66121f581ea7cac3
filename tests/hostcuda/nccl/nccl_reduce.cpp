// SPDX-License-Identifier: Apache-2.0
// All-reduce: every rank reduces one piece, in rank order, and sends the result to the others.
// Reduce-scatter and reduce: the first half of that, with pieces of the caller.
#include <algorithm>
#include <cstring>

#include "tests/hostcuda/nccl/nccl_comm.h"
#include "tests/hostcuda/nccl/nccl_operation.h"

namespace sy::hostcuda {
namespace {

template <class T>
void reduce_into(char* total, const char* part, size_t count, ncclRedOp_t op) {
  T* sums = reinterpret_cast<T*>(total);
  const T* values = reinterpret_cast<const T*>(part);
  for (size_t i = 0; i < count; ++i) {
    sums[i] = op == ncclMax ? std::max(sums[i], values[i]) : sums[i] + values[i];
  }
}

void reduce_into(char* total, const char* part, size_t count, ncclDataType_t type, ncclRedOp_t op) {
  if (type == ncclFloat32) return reduce_into<float>(total, part, count, op);
  if (type == ncclFloat64) return reduce_into<double>(total, part, count, op);
  reduce_into<int32_t>(total, part, count, op);
}

class AllReduce final : public Operation {
 public:
  AllReduce(ncclComm& comm, const Call& call, const void* send, void* recv)
      : Operation(comm, call, other_ranks(comm)), send_(send), recv_(recv) {}

 private:
  struct Piece {
    size_t first, count;  // elements
  };
  Piece piece(int rank) const {
    const auto ranks = static_cast<uint64_t>(comm_.size()), r = static_cast<uint64_t>(rank);
    const uint64_t first = call_.count * r / ranks;
    return {first, call_.count * (r + 1) / ranks - first};
  }
  char* at(size_t element) { return values_.data() + element * size_of(call_.type); }
  size_t bytes(size_t elements) const { return elements * size_of(call_.type); }

  void begin() override {
    values_.resize(bytes(call_.count));
    copy_from_device(values_.data(), send_, values_.size());
    const size_t mine = bytes(piece(comm_.rank).count);
    parts_.resize(static_cast<size_t>(comm_.size()), std::vector<char>(mine));
    for (const int peer : peers_) {
      receive(peer, parts_[static_cast<size_t>(peer)].data(), mine);
      send(peer, at(piece(peer).first), bytes(piece(peer).count));
    }
  }

  bool go_on() override {
    if (reduced_) return false;
    reduced_ = true;
    const Piece mine = piece(comm_.rank);
    std::copy_n(at(mine.first), bytes(mine.count), parts_[static_cast<size_t>(comm_.rank)].begin());
    std::vector<char> total = parts_[0];
    for (size_t rank = 1; rank < parts_.size(); ++rank) {
      reduce_into(total.data(), parts_[rank].data(), mine.count, call_.type, call_.op);
    }
    std::copy(total.begin(), total.end(), at(mine.first));
    for (const int peer : peers_) {
      receive(peer, at(piece(peer).first), bytes(piece(peer).count));
      send(peer, at(mine.first), bytes(mine.count));
    }
    return true;
  }

  void finish() override { copy_to_device(recv_, values_.data(), values_.size()); }
  void spoil() override { spoil_device(recv_, bytes(call_.count)); }

  const void* send_;
  void* recv_;
  std::vector<char> values_;
  std::vector<std::vector<char>> parts_;  // each rank's values of this rank's piece
  bool reduced_ = false;
};

// Every rank gets the sum of a piece of its own: equal shares, or all of it for the root and
// nothing for the others. Of `recv`, only the sum is written.
class ReduceToOwners final : public Operation {
 public:
  ReduceToOwners(ncclComm& comm, const Call& call, const void* send, void* recv)
      : Operation(comm, call, other_ranks(comm)), send_(send), recv_(recv) {}

 private:
  size_t bytes() const { return call_.count * size_of(call_.type); }
  bool scatters() const { return call_.kind == CallKind::reduce_scatter; }
  bool owns(int rank) const { return scatters() || rank == call_.root; }
  char* part_for(int rank) {
    return values_.data() + (scatters() ? static_cast<size_t>(rank) * bytes() : 0);
  }

  void begin() override {
    values_.resize(bytes() * (scatters() ? peers_.size() + 1 : 1));
    copy_from_device(values_.data(), send_, values_.size());
    const bool owner = owns(comm_.rank);
    parts_.resize(peers_.size() + 1, std::vector<char>(owner ? bytes() : 0));
    for (const int peer : peers_) {
      if (owner) receive(peer, parts_[static_cast<size_t>(peer)].data(), bytes());
      if (owns(peer)) send(peer, part_for(peer), bytes());
    }
  }

  void finish() override {
    if (!owns(comm_.rank)) return;
    std::copy_n(part_for(comm_.rank), bytes(), parts_[static_cast<size_t>(comm_.rank)].begin());
    std::vector<char> total = parts_[0];
    for (size_t rank = 1; rank < parts_.size(); ++rank) {
      reduce_into(total.data(), parts_[rank].data(), call_.count, call_.type, call_.op);
    }
    copy_to_device(recv_, total.data(), total.size());
  }
  void spoil() override {
    if (owns(comm_.rank)) spoil_device(recv_, bytes());
  }

  const void* send_;
  void* recv_;
  std::vector<char> values_;
  std::vector<std::vector<char>> parts_;  // each rank's values of this rank's piece
};

}  // namespace

std::shared_ptr<Operation> reduce(ncclComm& comm, const Call& call, const void* send, void* recv) {
  return std::make_shared<ReduceToOwners>(comm, call, send, recv);
}

std::shared_ptr<Operation> reduce_scatter(ncclComm& comm, const Call& call, const void* send,
                                          void* recv) {
  return std::make_shared<ReduceToOwners>(comm, call, send, recv);
}

std::shared_ptr<Operation> all_reduce(ncclComm& comm, const Call& call, const void* send,
                                      void* recv) {
  return std::make_shared<AllReduce>(comm, call, send, recv);
}

}  // namespace sy::hostcuda
