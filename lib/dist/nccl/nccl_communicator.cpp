// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/nccl/nccl_communicator.h"

#include <algorithm>

#include "lib/dist/argument_checks.h"
#include "lib/dist/flight/flight_ring.h"
#include "lib/dist/nccl/nccl_check.h"
#include "lib/dist/nccl/nccl_library.h"
#include "lib/dist/nccl/nccl_queue.h"
#include "lib/dist/request_pool.h"
#include "lib/dist/row_blocks.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

using detail::address;
using detail::Block;
using detail::EqualBlocks;
using detail::NcclPlace;
using detail::RowBlocks;

ncclDataType_t nccl_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return ncclFloat32;
    case DType::f64:
      return ncclFloat64;
    case DType::i32:
      return ncclInt32;
    case DType::bf16:
      return ncclBfloat16;  // transferred, never reduced
  }
  return ncclNumTypes;
}

size_t count(Tensor tensor) {
  return static_cast<size_t>(tensor.numel());
}

// A collective in flight. It is "done" for the compute stream, which waits for it; the host does
// not.
class NcclRequest final : public detail::PooledRequest<NcclRequest> {
 public:
  // wait() makes the stream `compute` wait.
  NcclRequest(detail::RequestPool<NcclRequest>& pool, detail::NcclQueue& queue,
              const cudaStream_t& compute)
      : PooledRequest(pool), queue_(queue), compute_(compute) {}

  // Reuses this object for the collective that was queued last.
  void begin(const NcclPlace& place) {
    place_ = place;
    begin_again();
  }

  bool test() override {
    if (done_) return true;
    done_ = queue_.done(place_.call.number);
    // Asked after the query: a failed call may look done.
    const ncclResult_t error = place_.link->error();
    done_ |= error != ncclSuccess;  // nothing is left to wait for
    place_.check(error, "ncclCommGetAsyncError");
    return done_;
  }

  void wait() override {
    if (done_) return;
    done_ = true;  // on failure too: nothing is left to wait for
    place_.check(place_.link->error(), "ncclCommGetAsyncError");
    queue_.make_wait(place_.call.number, compute_);
  }

 private:
  detail::NcclQueue& queue_;
  const cudaStream_t compute_;
  NcclPlace place_{};
};

class NcclCommunicator final : public Communicator {
 public:
  // `own` holds `group` if nobody else owns it.
  NcclCommunicator(Communicator& group, Exec& exec, std::unique_ptr<Communicator> own = nullptr)
      : own_(std::move(own)),
        group_(group),
        exec_(exec),
        compute_(cuda(exec).compute),
        link_(group),
        queue_(link_),
        watch_(queue_),
        flight_(flight::open_group(group.name(), flight::Transport::nccl,
                                   flight::ranks_of_group(group.name()))) {}

  // Runs while the watchdog still watches the calls.
  ~NcclCommunicator() override {
    flight::close_group(flight_);
    if (!link_.failed()) cudaStreamSynchronize(link_.stream());
  }

  int rank() const override { return group_.rank(); }
  int size() const override { return group_.size(); }
  const std::string& name() const override { return group_.name(); }

  void all_reduce_sum(Tensor tensor, const char* label) override {
    all_reduce(tensor, ncclSum, "all_reduce_sum", label)->wait();
  }
  void all_reduce_max(Tensor tensor, const char* label) override {
    all_reduce(tensor, ncclMax, "all_reduce_max", label)->wait();
  }
  RequestPtr start_all_reduce_sum(Tensor tensor, const char* label) override {
    return all_reduce(tensor, ncclSum, "all_reduce_sum", label);
  }

  RequestPtr start_reduce_scatter_sum(Tensor tensor, const std::vector<RowRange>& pieces,
                                      const char* label) override {
    detail::check_reduction(tensor, label);
    detail::check_pieces(tensor, pieces, size(), label);
    detail::check_memory({tensor}, label);
    const RowBlocks blocks(tensor, pieces, size());
    const ncclDataType_t type = nccl_type(tensor.dtype());
    return start("reduce_scatter_sum", label, tensor, [&](const NcclPlace& place, ncclComm_t comm) {
      if (are_equal(pieces)) {
        const Block own = blocks(rank(), 0);
        return place.check(nccl().ReduceScatter(tensor.raw(), address(tensor, own.first),
                                                static_cast<size_t>(own.count), type, ncclSum, comm,
                                                link_.stream()),
                           "ncclReduceScatter");
      }
      group_of_pieces(place, blocks, "ncclReduce", [&](int root, Block piece) {
        void* const at = address(tensor, piece.first);
        return nccl().Reduce(at, at, static_cast<size_t>(piece.count), type, ncclSum, root, comm,
                             link_.stream());
      });
    });
  }

  RequestPtr start_all_gather(Tensor tensor, const std::vector<RowRange>& pieces,
                              const char* label) override {
    detail::check_pieces(tensor, pieces, size(), label);
    detail::check_memory({tensor}, label);
    const RowBlocks blocks(tensor, pieces, size());
    const ncclDataType_t type = nccl_type(tensor.dtype());
    return start("all_gather", label, tensor, [&](const NcclPlace& place, ncclComm_t comm) {
      if (are_equal(pieces)) {
        const Block own = blocks(rank(), 0);
        return place.check(
            nccl().AllGather(address(tensor, own.first), tensor.raw(),
                             static_cast<size_t>(own.count), type, comm, link_.stream()),
            "ncclAllGather");
      }
      group_of_pieces(place, blocks, "ncclBroadcast", [&](int root, Block piece) {
        void* const at = address(tensor, piece.first);
        return nccl().Broadcast(at, at, static_cast<size_t>(piece.count), type, root, comm,
                                link_.stream());
      });
    });
  }

  void all_to_all(Tensor recv, Tensor send, const char* label) override {
    detail::check_all_to_all(recv, send, size(), label);
    detail::check_memory({recv, send}, label);
    const EqualBlocks equal{send.numel() / size()};
    exchange(recv, equal, send, equal, "all_to_all", label, send)->wait();
  }

  RequestPtr start_all_to_all_rows(Tensor recv, const std::vector<RowRange>& receives, Tensor send,
                                   const std::vector<RowRange>& sends, const char* label) override {
    detail::check_rows(recv, receives, send, sends, *this, label);
    detail::check_memory({recv, send}, label);
    return exchange(recv, RowBlocks(recv, receives, size()), send, RowBlocks(send, sends, size()),
                    "all_to_all_rows", label, flight::row_of(send));
  }

  void all_gather(Tensor recv, Tensor send, const char* label) override {
    detail::check_all_gather(recv, send, size(), label);
    detail::check_memory({recv, send}, label);
    start("all_gather", label, send, [&](const NcclPlace& place, ncclComm_t comm) {
      place.check(nccl().AllGather(send.raw(), recv.raw(), count(send), nccl_type(send.dtype()),
                                   comm, link_.stream()),
                  "ncclAllGather");
    })->wait();
  }

  void reduce_scatter_sum(Tensor recv, Tensor send, const char* label) override {
    detail::check_reduce_scatter(recv, send, size(), label);
    detail::check_memory({recv, send}, label);
    start("reduce_scatter_sum", label, send, [&](const NcclPlace& place, ncclComm_t comm) {
      place.check(nccl().ReduceScatter(send.raw(), recv.raw(), count(recv), nccl_type(send.dtype()),
                                       ncclSum, comm, link_.stream()),
                  "ncclReduceScatter");
    })->wait();
  }

  void broadcast(Tensor tensor, int root, const char* label) override {
    detail::check_memory({tensor}, label);
    start("broadcast", label, tensor, [&](const NcclPlace& place, ncclComm_t comm) {
      place.check(nccl().Broadcast(tensor.raw(), tensor.raw(), count(tensor),
                                   nccl_type(tensor.dtype()), root, comm, link_.stream()),
                  "ncclBroadcast");
    })->wait();
  }

  // A barrier of the hosts, not of the GPUs.
  void barrier(const char* label) override { group_.barrier(label); }

  std::unique_ptr<Communicator> split(int color, const std::string& name) override {
    std::unique_ptr<Communicator> part = group_.split(color, name);
    Communicator& host = *part;
    return std::make_unique<NcclCommunicator>(host, exec_, std::move(part));
  }

 private:
  // Runs `queue`, which makes the NCCL calls. They may block until other ranks join when NCCL
  // connects to them for the first time.
  template <class Queue>
  RequestPtr start(const char* call, const char* label, flight::CallShape shape, Queue&& queue) {
    NcclPlace place{{call, label, name().c_str(), ++calls_}, rank(), size(), &link_};
    const ncclComm_t comm = link_.comm();
    const WatchedCall watched(place.call);  // without its record: it does not end here
    place.call.record = flight::call_begins(flight_, place.call, shape);
    queue_.begin(compute_);
    queue(place, comm);
    queue_.end(place.call);
    return requests_.take(place, queue_, compute_);
  }

  RequestPtr all_reduce(Tensor tensor, ncclRedOp_t op, const char* call, const char* label) {
    detail::check_reduction(tensor, label);
    detail::check_memory({tensor}, label);
    return start(call, label, tensor, [&](const NcclPlace& place, ncclComm_t comm) {
      place.check(nccl().AllReduce(tensor.raw(), tensor.raw(), count(tensor),
                                   nccl_type(tensor.dtype()), op, comm, link_.stream()),
                  "ncclAllReduce");
    });
  }

  static bool are_equal(const std::vector<RowRange>& pieces) {
    return std::all_of(pieces.begin(), pieces.end(),
                       [&](const RowRange& piece) { return piece.count == pieces.front().count; });
  }

  // Makes a call for each rank's piece that is not empty, all in one NCCL group, which must be
  // ended even if a call within it fails.
  template <class Call>
  void group_of_pieces(const NcclPlace& place, const RowBlocks& blocks, const char* name,
                       Call&& call) {
    place.check(nccl().GroupStart(), "ncclGroupStart");
    ncclResult_t result = ncclSuccess;
    for (int root = 0; root < size() && result == ncclSuccess; ++root) {
      const Block piece = blocks(root, 0);
      if (piece.count > 0) result = call(root, piece);
    }
    const ncclResult_t ended = nccl().GroupEnd();
    place.check(result, name);
    place.check(ended, "ncclGroupEnd");
  }

  // Sends blocks to(peer, k) of send to each peer and receives its blocks from(peer, k) of recv.
  // Neither side makes a call for an empty block. The NCCL group must be ended even if a call
  // within it fails.
  template <class From, class To>
  RequestPtr exchange(Tensor recv, const From& from, Tensor send, const To& to, const char* call,
                      const char* label, flight::CallShape shape) {
    return start(call, label, shape, [&](const NcclPlace& place, ncclComm_t comm) {
      place.check(nccl().GroupStart(), "ncclGroupStart");
      ncclResult_t result = ncclSuccess;
      for (int step = 0; step < size() && result == ncclSuccess; ++step) {
        const int left = (rank() - step + size()) % size(), right = (rank() + step) % size();
        for (size_t number = 0; number < to.each() && result == ncclSuccess; ++number) {
          result = send_and_receive(comm, send, to(right, number), right, recv, from(left, number),
                                    left);
        }
      }
      const ncclResult_t ended = nccl().GroupEnd();
      place.check(result, "ncclSend or ncclRecv");
      place.check(ended, "ncclGroupEnd");
    });
  }

  ncclResult_t send_and_receive(ncclComm_t comm, Tensor send, Block out, int to, Tensor recv,
                                Block in, int from) {
    const ncclDataType_t type = nccl_type(send.dtype());
    ncclResult_t result = ncclSuccess;
    if (out.count > 0) {
      result = nccl().Send(address(send, out.first), static_cast<size_t>(out.count), type, to, comm,
                           link_.stream());
    }
    if (in.count > 0 && result == ncclSuccess) {
      result = nccl().Recv(address(recv, in.first), static_cast<size_t>(in.count), type, from, comm,
                           link_.stream());
    }
    return result;
  }

  const std::unique_ptr<Communicator> own_;
  Communicator& group_;
  Exec& exec_;
  const cudaStream_t compute_;
  detail::NcclLink link_;
  detail::NcclQueue queue_;
  const QueueWatch watch_;
  const int64_t flight_;  // in the flight recorder, of the ranks of the group below it
  detail::RequestPool<NcclRequest> requests_;
  int64_t calls_ = 0;
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(Communicator& group, Exec& exec) {
  return std::make_unique<NcclCommunicator>(group, exec);
}

}  // namespace sy
