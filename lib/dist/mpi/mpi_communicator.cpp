// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/mpi/mpi_communicator.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <numeric>

#include "lib/base/log.h"
#include "lib/dist/argument_checks.h"
#include "lib/dist/flight/flight_ring.h"
#include "lib/dist/mpi/mpi_check.h"
#include "lib/dist/mpi/mpi_request.h"
#include "lib/dist/row_blocks.h"

namespace sy {
namespace {

constexpr int kTag = 0;  // one suffices: messages between two ranks stay in order

MPI_Datatype mpi_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return MPI_FLOAT;
    case DType::f64:
      return MPI_DOUBLE;
    case DType::i32:
      return MPI_INT32_T;
    case DType::bf16:
      return MPI_UINT16_T;  // transferred, never reduced
  }
  return MPI_DATATYPE_NULL;
}

// The ranks of `comm` as ranks of MPI_COMM_WORLD.
std::vector<int> world_ranks(MPI_Comm comm, int size) {
  MPI_Group world = MPI_GROUP_NULL, group = MPI_GROUP_NULL;
  MPI_CHECK(MPI_Comm_group(MPI_COMM_WORLD, &world));
  MPI_CHECK(MPI_Comm_group(comm, &group));
  std::vector<int> own(static_cast<size_t>(size)), ranks(own.size());
  std::iota(own.begin(), own.end(), 0);
  MPI_CHECK(MPI_Group_translate_ranks(group, size, own.data(), world, ranks.data()));
  MPI_CHECK(MPI_Group_free(&group));
  MPI_CHECK(MPI_Group_free(&world));
  return ranks;
}

bool on_one_host(MPI_Comm comm, int size) {
  MPI_Comm host = MPI_COMM_NULL;
  int ranks = 0;
  MPI_CHECK(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host));
  MPI_CHECK(MPI_Comm_size(host, &ranks));
  MPI_CHECK(MPI_Comm_free(&host));
  return ranks == size;
}

using detail::address;
using detail::Block;
using detail::EqualBlocks;
using detail::MpiPlace;
using detail::RowBlocks;
using detail::SameBlock;

class MpiCommunicator : public Communicator {
 public:
  // Takes ownership of `comm`.
  MpiCommunicator(MPI_Comm comm, std::string name, const MpiOptions& options)
      : comm_(comm), name_(std::move(name)), options_(options), limit_(options.message_limit) {
    MPI_CHECK(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN));
    MPI_CHECK(MPI_Comm_rank(comm_, &rank_));
    MPI_CHECK(MPI_Comm_size(comm_, &size_));
    one_host_ = on_one_host(comm_, size_);
    sums_at_once_ = one_host_ && !options.sums_in_flight_on_one_host;
    flight_ = flight::open_group(name_, flight::Transport::mpi, world_ranks(comm_, size_));
  }

  // Freeing is collective, so it is skipped while an exception unwinds.
  ~MpiCommunicator() override {
    flight::close_group(flight_);
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (finalized == 0 && std::uncaught_exceptions() == 0) MPI_Comm_free(&comm_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  const std::string& name() const override { return name_; }

  void all_reduce_sum(Tensor tensor, const char* label) override {
    all_reduce(tensor, MPI_SUM, begin("all_reduce_sum", label, tensor));
  }
  void all_reduce_max(Tensor tensor, const char* label) override {
    all_reduce(tensor, MPI_MAX, begin("all_reduce_max", label, tensor));
  }

  RequestPtr start_all_reduce_sum(Tensor tensor, const char* label) override {
    detail::check_reduction(tensor, label);
    detail::check_memory({tensor}, label);
    const MpiPlace place = begin("all_reduce_sum", label, tensor);
    auto request = requests_.take(place);
    if (sums_at_once_) {
      all_reduce(tensor, MPI_SUM, place);
      request->is_done();
      return request;
    }
    for_each_piece(tensor.numel(), [&](int64_t first, int count) {
      place.check(MPI_Iallreduce(MPI_IN_PLACE, address(tensor, first), count,
                                 mpi_type(tensor.dtype()), MPI_SUM, comm_, request->next()),
                  "MPI_Iallreduce");
    });
    return request;
  }

  // A reduction to each rank in turn. Open MPI's own reduce-scatter sends everything through one
  // rank, and does not leave a result in the middle of a tensor.
  RequestPtr start_reduce_scatter_sum(Tensor tensor, const std::vector<RowRange>& pieces,
                                      const char* label) override {
    detail::check_reduction(tensor, label);
    detail::check_pieces(tensor, pieces, size_, label);
    detail::check_memory({tensor}, label);
    const MpiPlace place = begin("reduce_scatter_sum", label, tensor);
    auto request = requests_.take(place);
    const RowBlocks blocks(tensor, pieces, size_);
    if (sums_at_once_) {
      const WatchedCall watched(place.call);
      for (int root = 0; root < size_; ++root) reduce_to(root, tensor, blocks, place, nullptr);
      request->is_done();
      return request;
    }
    for (int root = 0; root < size_; ++root) reduce_to(root, tensor, blocks, place, request.get());
    return request;
  }

  RequestPtr start_all_gather(Tensor tensor, const std::vector<RowRange>& pieces,
                              const char* label) override {
    detail::check_pieces(tensor, pieces, size_, label);
    detail::check_memory({tensor}, label);
    const RowBlocks blocks(tensor, pieces, size_);
    return exchange(tensor, blocks, tensor, SameBlock{blocks(rank_, 0)},
                    begin("all_gather", label, tensor));
  }

  void all_to_all(Tensor recv, Tensor send, const char* label) override {
    detail::check_all_to_all(recv, send, size_, label);
    detail::check_memory({recv, send}, label);
    const EqualBlocks equal{send.numel() / size_};
    exchange(recv, equal, send, equal, begin("all_to_all", label, send))->wait();
  }

  RequestPtr start_all_to_all_rows(Tensor recv, const std::vector<RowRange>& receives, Tensor send,
                                   const std::vector<RowRange>& sends, const char* label) override {
    detail::check_rows(recv, receives, send, sends, *this, label);
    detail::check_memory({recv, send}, label);
    return exchange(recv, RowBlocks(recv, receives, size_), send, RowBlocks(send, sends, size_),
                    begin("all_to_all_rows", label, flight::row_of(send)));
  }

  void all_gather(Tensor recv, Tensor send, const char* label) override {
    detail::check_all_gather(recv, send, size_, label);
    detail::check_memory({recv, send}, label);
    const MpiPlace place = begin("all_gather", label, send);
    const int64_t count = send.numel();
    if (count <= limit_) {
      const WatchedCall watched(place.call);
      const MPI_Datatype type = mpi_type(send.dtype());
      place.check(MPI_Allgather(send.raw(), static_cast<int>(count), type, recv.raw(),
                                static_cast<int>(count), type, comm_),
                  "MPI_Allgather");
      return;
    }
    exchange(recv, EqualBlocks{count}, send, SameBlock{{0, count}}, place)->wait();
  }

  void reduce_scatter_sum(Tensor recv, Tensor send, const char* label) override {
    detail::check_reduce_scatter(recv, send, size_, label);
    detail::check_memory({recv, send}, label);
    const MpiPlace place = begin("reduce_scatter_sum", label, send);
    const WatchedCall watched(place.call);
    const MPI_Datatype type = mpi_type(send.dtype());
    const int64_t block = recv.numel();
    // Within a host, Open MPI's takes up to five times as long as reductions to each rank in turn.
    if (block <= limit_ && !one_host_) {
      place.check(MPI_Reduce_scatter_block(send.raw(), recv.raw(), static_cast<int>(block), type,
                                           MPI_SUM, comm_),
                  "MPI_Reduce_scatter_block");
      return;
    }
    for (int root = 0; root < size_; ++root) {
      for_each_piece(block, [&](int64_t first, int count) {
        place.check(MPI_Reduce(address(send, root * block + first), address(recv, first), count,
                               type, MPI_SUM, root, comm_),
                    "MPI_Reduce");
      });
    }
  }

  void broadcast(Tensor tensor, int root, const char* label) override {
    detail::check_memory({tensor}, label);
    const MpiPlace place = begin("broadcast", label, tensor);
    const WatchedCall watched(place.call);
    for_each_piece(tensor.numel(), [&](int64_t first, int count) {
      place.check(MPI_Bcast(address(tensor, first), count, mpi_type(tensor.dtype()), root, comm_),
                  "MPI_Bcast");
    });
  }

  void barrier(const char* label) override {
    const MpiPlace place = begin("barrier", label);
    const WatchedCall watched(place.call);
    place.check(MPI_Barrier(comm_), "MPI_Barrier");
  }

  std::unique_ptr<Communicator> split(int color, const std::string& name) override {
    const MpiPlace place = begin("split", name.c_str());
    const WatchedCall watched(place.call);
    MPI_Comm comm = MPI_COMM_NULL;
    place.check(MPI_Comm_split(comm_, color, rank_, &comm), "MPI_Comm_split");
    return std::make_unique<MpiCommunicator>(comm, name, options_);
  }

 private:
  MpiPlace begin(const char* call, const char* label, flight::CallShape shape = {}) {
    CollectiveCall begun{call, label, name_.c_str(), ++calls_};
    begun.record = flight::call_begins(flight_, begun, shape);
    return {begun, rank_, size_};
  }

  template <class Function>
  void for_each_piece(int64_t total, Function&& function) const {
    for (int64_t first = 0; first < total; first += limit_) {
      function(first, static_cast<int>(std::min(limit_, total - first)));
    }
  }

  void all_reduce(Tensor tensor, MPI_Op op, const MpiPlace& place) {
    detail::check_reduction(tensor, place.call.label);
    detail::check_memory({tensor}, place.call.label);
    const WatchedCall watched(place.call);
    for_each_piece(tensor.numel(), [&](int64_t first, int count) {
      place.check(MPI_Allreduce(MPI_IN_PLACE, address(tensor, first), count,
                                mpi_type(tensor.dtype()), op, comm_),
                  "MPI_Allreduce");
    });
  }

  // Sums the blocks of `root` there, in place; without a request, before it returns.
  void reduce_to(int root, Tensor tensor, const RowBlocks& blocks, const MpiPlace& place,
                 detail::MpiRequest* request) {
    const MPI_Datatype type = mpi_type(tensor.dtype());
    for_each_message(blocks, root, [&](int64_t first, int count) {
      void* const at = address(tensor, first);
      const void* const send = root == rank_ ? MPI_IN_PLACE : at;
      void* const recv = root == rank_ ? at : nullptr;
      if (request == nullptr) {
        place.check(MPI_Reduce(send, recv, count, type, MPI_SUM, root, comm_), "MPI_Reduce");
      } else {
        place.check(MPI_Ireduce(send, recv, count, type, MPI_SUM, root, comm_, request->next()),
                    "MPI_Ireduce");
      }
    });
  }

  // Calls function(first element, number of elements) for each message of a peer's blocks.
  template <class Blocks, class Function>
  void for_each_message(const Blocks& blocks, int peer, Function&& function) const {
    for (size_t number = 0; number < blocks.each(); ++number) {
      const Block block = blocks(peer, number);
      for_each_piece(block.count,
                     [&](int64_t first, int count) { function(block.first + first, count); });
    }
  }

  // Sends blocks to(peer, k) of send to each peer and receives its blocks from(peer, k) of recv.
  // Receives are posted first. Each rank starts with its right neighbour, so that not all send to
  // rank 0 at once.
  template <class From, class To>
  RequestPtr exchange(Tensor recv, const From& from, Tensor send, const To& to,
                      const MpiPlace& place) {
    auto request = requests_.take(place);
    const MPI_Datatype type = mpi_type(send.dtype());
    for (int step = 1; step < size_; ++step) {
      const int peer = (rank_ - step + size_) % size_;
      for_each_message(from, peer, [&](int64_t first, int count) {
        place.check(
            MPI_Irecv(address(recv, first), count, type, peer, kTag, comm_, request->next()),
            "MPI_Irecv");
      });
    }
    for (int step = 1; step < size_; ++step) {
      const int peer = (rank_ + step) % size_;
      for_each_message(to, peer, [&](int64_t first, int count) {
        place.check(
            MPI_Isend(address(send, first), count, type, peer, kTag, comm_, request->next()),
            "MPI_Isend");
      });
    }
    for (size_t number = 0; number < from.each(); ++number) {
      const Block mine = from(rank_, number);
      const void* const from_here = address(send, to(rank_, number).first);
      if (mine.count == 0 || from_here == address(recv, mine.first)) continue;
      std::memcpy(address(recv, mine.first), from_here,
                  static_cast<size_t>(mine.count) * size_of(send.dtype()));
    }
    return request;
  }

  MPI_Comm comm_;
  std::string name_;
  MpiOptions options_;
  int64_t limit_;
  bool one_host_ = false, sums_at_once_ = false;
  int rank_ = 0;
  int size_ = 1;
  int64_t calls_ = 0;
  int64_t flight_ = 0;  // in the flight recorder
  detail::RequestPool<detail::MpiRequest> requests_;
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm comm, const std::string& name,
                                                    const MpiOptions& options) {
  MPI_Comm own = MPI_COMM_NULL;
  MPI_CHECK(MPI_Comm_dup(comm, &own));
  return std::make_unique<MpiCommunicator>(own, name, options);
}

}  // namespace sy
