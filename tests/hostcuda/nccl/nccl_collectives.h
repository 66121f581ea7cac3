// The calls of NCCL that are executed here.
#pragma once

#include <memory>

#include "tests/hostcuda/nccl/nccl_operation.h"

namespace sy::hostcuda {

// recv = sum or maximum over the ranks, in the order of the ranks and in the elements' own type:
// the same bits in every run.
std::shared_ptr<Operation> all_reduce(ncclComm& comm, const Call& call, const void* send,
                                      void* recv);
std::shared_ptr<Operation> all_gather(ncclComm& comm, const Call& call, const void* send,
                                      void* recv);
std::shared_ptr<Operation> broadcast(ncclComm& comm, const Call& call, const void* send,
                                     void* recv);

// What a group sends to and receives from one rank: the k-th block sent is the k-th received there.
struct Block {
  void* at = nullptr;  // only read where it is sent
  uint64_t elements = 0;
};
inline BlockSizes sizes_of(const std::vector<Block>& blocks) {
  BlockSizes sizes;
  for (const Block& block : blocks) sizes.add(block.elements);
  return sizes;
}
struct Part {
  int rank = 0;
  std::vector<Block> sends, receives;
};
std::shared_ptr<Operation> exchange(ncclComm& comm, const Call& call, std::vector<Part> parts);

}  // namespace sy::hostcuda
