// SPDX-License-Identifier: Apache-2.0
// The calls that only move data: all-gather, broadcast, grouped sends and receives.
#include <cstring>
#include <utility>

#include "tests/hostcuda/nccl/nccl_comm.h"
#include "tests/hostcuda/nccl/nccl_operation.h"

namespace sy::hostcuda {
namespace {

class AllGather final : public Operation {
 public:
  AllGather(ncclComm& comm, const Call& call, const void* send, void* recv)
      : Operation(comm, call, other_ranks(comm)),
        send_(send),
        recv_(recv),
        block_(call.count * size_of(call.type)) {}

 private:
  char* at(int rank) { return values_.data() + static_cast<size_t>(rank) * block_; }

  void begin() override {
    values_.resize(peers_.size() * block_ + block_);
    copy_from_device(at(comm_.rank), send_, block_);
    for (const int peer : peers_) {
      receive(peer, at(peer), block_);
      send(peer, at(comm_.rank), block_);
    }
  }
  void finish() override { copy_to_device(recv_, values_.data(), values_.size()); }
  void spoil() override { spoil_device(recv_, peers_.size() * block_ + block_); }

  const void* send_;
  void* recv_;
  const size_t block_;  // bytes
  std::vector<char> values_;
};

class Broadcast final : public Operation {
 public:
  Broadcast(ncclComm& comm, const Call& call, const void* send, void* recv)
      : Operation(comm, call, other_ranks(comm)),
        send_(send),
        recv_(recv),
        values_(call.count * size_of(call.type)) {}

 private:
  void begin() override {
    if (comm_.rank != call_.root) return receive(call_.root, values_.data(), values_.size());
    copy_from_device(values_.data(), send_, values_.size());
    for (const int peer : peers_) send(peer, values_.data(), values_.size());
  }
  void finish() override { copy_to_device(recv_, values_.data(), values_.size()); }
  void spoil() override { spoil_device(recv_, values_.size()); }

  const void* send_;
  void* recv_;
  std::vector<char> values_;
};

std::vector<int> peers_of(const ncclComm& comm, const std::vector<Part>& parts) {
  std::vector<int> peers;
  for (const Part& part : parts) {
    if (part.rank != comm.rank) peers.push_back(part.rank);
  }
  return peers;
}

class Exchange final : public Operation {
 public:
  Exchange(ncclComm& comm, const Call& call, std::vector<Part> parts)
      : Operation(comm, call, peers_of(comm, parts)), parts_(std::move(parts)) {}

 private:
  size_t bytes(uint64_t elements) const { return elements * size_of(call_.type); }

  Call call_for(int peer) const override {
    Call call = call_;
    for (const Part& part : parts_) {
      if (part.rank != peer) continue;
      call.sends = sizes_of(part.sends);
      call.receives = sizes_of(part.receives);
    }
    return call;
  }

  // All blocks for one rank travel as one message.
  void begin() override {
    out_.resize(parts_.size());
    in_.resize(parts_.size());
    for (size_t i = 0; i < parts_.size(); ++i) {
      const Part& part = parts_[i];
      for_each(part.sends, [&](const Block& block, size_t first, size_t count) {
        out_[i].resize(first + count);
        copy_from_device(out_[i].data() + first, block.at, count);
      });
      for_each(part.receives,
               [&](const Block&, size_t first, size_t count) { in_[i].resize(first + count); });
      if (part.rank == comm_.rank) {
        in_[i] = out_[i];
        continue;
      }
      if (!in_[i].empty()) receive(part.rank, in_[i].data(), in_[i].size());
      if (!out_[i].empty()) send(part.rank, out_[i].data(), out_[i].size());
    }
  }
  void finish() override {
    for (size_t i = 0; i < parts_.size(); ++i) {
      for_each(parts_[i].receives, [&](const Block& block, size_t first, size_t count) {
        copy_to_device(block.at, in_[i].data() + first, count);
      });
    }
  }
  void spoil() override {
    for (const Part& part : parts_) {
      for (const Block& block : part.receives) spoil_device(block.at, bytes(block.elements));
    }
  }

  // Calls function(block, first byte, bytes) for each block of a message, in which the blocks
  // follow each other.
  template <class Function>
  void for_each(const std::vector<Block>& blocks, Function&& function) const {
    size_t first = 0;
    for (const Block& block : blocks) {
      function(block, first, bytes(block.elements));
      first += bytes(block.elements);
    }
  }

  const std::vector<Part> parts_;
  std::vector<std::vector<char>> out_, in_;  // one message per part
};

}  // namespace

std::shared_ptr<Operation> all_gather(ncclComm& comm, const Call& call, const void* send,
                                      void* recv) {
  return std::make_shared<AllGather>(comm, call, send, recv);
}

std::shared_ptr<Operation> broadcast(ncclComm& comm, const Call& call, const void* send,
                                     void* recv) {
  return std::make_shared<Broadcast>(comm, call, send, recv);
}

std::shared_ptr<Operation> exchange(ncclComm& comm, const Call& call, std::vector<Part> parts) {
  return std::make_shared<Exchange>(comm, call, std::move(parts));
}

}  // namespace sy::hostcuda
