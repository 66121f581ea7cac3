// The calls of NCCL that are executed here.
#pragma once

#include <memory>

#include "tests/hostcuda/nccl_operation.h"

namespace sy::hostcuda {

// recv = sum or maximum over the ranks, in the order of the ranks and in the elements' own type:
// the same bits in every run.
std::shared_ptr<Operation> all_reduce(ncclComm& comm, const Call& call, const void* send,
                                      void* recv);
std::shared_ptr<Operation> all_gather(ncclComm& comm, const Call& call, const void* send,
                                      void* recv);
std::shared_ptr<Operation> broadcast(ncclComm& comm, const Call& call, const void* send,
                                     void* recv);

// At most one send and one receive a rank.
struct Part {
  int rank;
  const void* send = nullptr;
  void* recv = nullptr;
  uint64_t sends = 0, receives = 0;  // elements
};
std::shared_ptr<Operation> exchange(ncclComm& comm, const Call& call, std::vector<Part> parts);

}  // namespace sy::hostcuda
