// SPDX-License-Identifier: Apache-2.0
// Collectives over a group of ranks, with one interface for MPI and NCCL. Arguments are Tensors, so
// counts are in elements of a dtype, never in bytes. Every rank of the group must make the same
// calls in the same order with the same shapes. The label of a call identifies it to the watchdog
// and in errors. Failures throw RuntimeFailure naming the call. Callers need not know whether they
// run or plan: while planning they are given groups that transfer nothing (planning.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/tensor/tensor.h"

namespace sy {

// A collective in flight. Its tensors and its label must not change until it is done.
class Request {
 public:
  virtual ~Request() = default;
  virtual bool test() = 0;  // makes progress; true once done
  // Operations issued to the exec from now on see the result. With MPI the host blocks until the
  // collective is done; with NCCL the compute stream waits instead.
  virtual void wait() = 0;
  // Returns the request to its communicator. Called by RequestPtr.
  virtual void release() = 0;
};

// Destroying the pointer of an unfinished request waits for it, unless an exception is unwinding. A
// request must not outlive its communicator, which reuses the memory.
struct ReleaseRequest {
  void operator()(Request* request) const { request->release(); }
};
using RequestPtr = std::unique_ptr<Request, ReleaseRequest>;

// Rows [first, first + count) of a tensor's first axis.
struct RowRange {
  int64_t first = 0;
  int64_t count = 0;
};

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual const std::string& name() const = 0;  // "world", "data", "expert", ...

  // tensor = sum of tensor over the ranks; float32, float64 or int32. The order of summation is
  // fixed by the group, so repeated runs give the same bits, and every rank gets the same bits.
  virtual void all_reduce_sum(Tensor tensor, const char* label) = 0;
  virtual void all_reduce_max(Tensor tensor, const char* label) = 0;
  virtual RequestPtr start_all_reduce_sum(Tensor tensor, const char* label) = 0;

  // The two halves of an all-reduce, in place. pieces[r], rows of the first axis, belongs to rank
  // r; the pieces, the same on every rank, follow one another and cover the tensor. A piece may be
  // empty. The list is not read after the call returns.
  // This rank's piece becomes its sum over the ranks, taken in an order that the group fixes. The
  // other pieces do not change. Dtypes as in all_reduce_sum.
  virtual RequestPtr start_reduce_scatter_sum(Tensor tensor, const std::vector<RowRange>& pieces,
                                              const char* label) = 0;
  // Every piece becomes what the rank has there to which it belongs. Any dtype.
  virtual RequestPtr start_all_gather(Tensor tensor, const std::vector<RowRange>& pieces,
                                      const char* label) = 0;

  // send is split along its first axis into size() equal blocks. Block r of send goes to rank r;
  // block r of recv comes from rank r. send and recv must not overlap.
  virtual void all_to_all(Tensor recv, Tensor send, const char* label) = 0;

  // A ragged all-to-all: n blocks of rows for each pair of ranks, anywhere in the tensors. Block
  // sends[r * n + k] of send goes to rank r, which receives it in its receives[rank() * n + k], a
  // range of the same length (0 transfers nothing). Both lists have size() * n entries and are not
  // read after the call returns. Blocks of recv must not overlap each other, nor recv overlap send.
  virtual RequestPtr start_all_to_all_rows(Tensor recv, const std::vector<RowRange>& receives,
                                           Tensor send, const std::vector<RowRange>& sends,
                                           const char* label) = 0;

  // recv [size(), ...] = every rank's send [...].
  virtual void all_gather(Tensor recv, Tensor send, const char* label) = 0;
  // recv [...] = the sum over the ranks of block rank() of send [size(), ...]; float32, float64 or
  // int32. The order of summation is fixed by the group. recv and send must not overlap.
  virtual void reduce_scatter_sum(Tensor recv, Tensor send, const char* label) = 0;
  virtual void broadcast(Tensor tensor, int root, const char* label) = 0;
  virtual void barrier(const char* label) = 0;

  // Ranks with the same color form a new group, ordered by their rank in this one. Collective.
  virtual std::unique_ptr<Communicator> split(int color, const std::string& name) = 0;
};

// A group of one rank, without MPI: every collective is a copy. For tests and single-rank tools.
std::unique_ptr<Communicator> make_self_communicator();

// A group to plan against, without MPI or other ranks: rank `rank` of `size`. Every collective
// checks its arguments as usual, transfers nothing and completes at once. Tensors need no memory.
// Cannot be split.
std::unique_ptr<Communicator> make_planned_communicator(std::string name, int rank, int size);

}  // namespace sy
