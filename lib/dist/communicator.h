// Collectives over a group of ranks, behind one interface for MPI and NCCL. Arguments are Tensors,
// so a count is elements of a dtype and never bytes. Every rank of the group must make the same
// calls in the same order with the same shapes; each call is known to the watchdog by its label.
// Any failure throws RuntimeFailure naming the call. Callers do not ask whether they plan: then
// they are given groups that send nothing (planning.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/tensor/tensor.h"

namespace sy {

// A collective under way: its tensors stay untouched until it is done, and so does its label.
class Request {
 public:
  virtual ~Request() = default;
  virtual bool test() = 0;  // makes progress; true once done
  // Ops that the exec is given from now on see the result. Over MPI the host waits for it, over
  // NCCL the exec's compute stream will.
  virtual void wait() = 0;
  // Gives the request back to its communicator; RequestPtr calls it.
  virtual void release() = 0;
};

// Letting go of an unfinished request waits for it, unless an exception is unwinding. It does not
// outlive its communicator, which uses the memory again.
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

  // tensor = sum over ranks of tensor; float32, float64 or int32. The order of summation is fixed
  // by the group, so that a repeated run gives the same bits.
  virtual void all_reduce_sum(Tensor tensor, const char* label) = 0;
  virtual void all_reduce_max(Tensor tensor, const char* label) = 0;
  virtual RequestPtr start_all_reduce_sum(Tensor tensor, const char* label) = 0;

  // Block r of send (first axis cut into size() equal blocks) goes to rank r; recv's block r comes
  // from rank r. send and recv do not overlap.
  virtual void all_to_all(Tensor recv, Tensor send, const char* label) = 0;

  // Ragged blocks of rows, n for each pair of ranks, wherever they lie: sends[r * n + k] of send
  // goes to rank r, which has it in its receives[rank() * n + k], of as many rows (0: nothing is
  // sent). Both lists are [size(), n] and are not looked at after the call. Blocks of recv do not
  // overlap; recv and send do not either.
  virtual RequestPtr start_all_to_all_rows(Tensor recv, const std::vector<RowRange>& receives,
                                           Tensor send, const std::vector<RowRange>& sends,
                                           const char* label) = 0;

  // recv [size(), ...] = every rank's send [...].
  virtual void all_gather(Tensor recv, Tensor send, const char* label) = 0;
  virtual void broadcast(Tensor tensor, int root, const char* label) = 0;
  virtual void barrier(const char* label) = 0;

  // Ranks with the same color form a new group, ordered by their rank here. Collective.
  virtual std::unique_ptr<Communicator> split(int color, const std::string& name) = 0;
};

// A group of one rank: every collective is a copy. Needs no MPI; for tests and single-rank tools.
std::unique_ptr<Communicator> make_self_communicator();

}  // namespace sy
