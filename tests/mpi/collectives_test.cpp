// SPDX-License-Identifier: Apache-2.0
// Every collective on integers or integer-valued floats, so that sums are exact and compared with
// ==, at the normal message limit and at one of three elements, which splits every message; sums
// that are started also in flight, as between hosts. With SWITCHYARD_TEST_BACKEND=cuda over NCCL.
#include <mpi.h>
#include <catch2/catch.hpp>

#include "lib/base/random.h"
#include "lib/dist/mpi/mpi_communicator.h"
#include "tests/mpi/tensor_group.h"
#include "tests/support/gradcheck.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

constexpr MpiOptions kLong, kShort{3}, kLongInFlight{kMessageLimit, true}, kShortInFlight{3, true};

double get(Tensor tensor, int64_t i) {
  switch (tensor.dtype()) {
    case DType::f32:
      return static_cast<double>(tensor.data<float>()[i]);
    case DType::f64:
      return tensor.data<double>()[i];
    default:
      return tensor.data<int32_t>()[i];
  }
}

void set(Tensor tensor, int64_t i, double value) {
  switch (tensor.dtype()) {
    case DType::f32:
      tensor.data<float>()[i] = static_cast<float>(value);
      break;
    case DType::f64:
      tensor.data<double>()[i] = value;
      break;
    default:
      tensor.data<int32_t>()[i] = static_cast<int32_t>(value);
  }
}

template <class Function>
void fill(Tensor tensor, Function&& value) {
  for (int64_t i = 0; i < tensor.numel(); ++i) set(tensor, i, value(i));
}

// The number of elements of `tensor` that differ from value(i).
template <class Function>
int64_t wrong(Tensor tensor, Function&& value) {
  int64_t count = 0;
  for (int64_t i = 0; i < tensor.numel(); ++i) count += get(tensor, i) != value(i);
  return count;
}

// Sums of floats depend on their order. Whatever it is, every rank gets the same bits, in messages
// for which libraries use different algorithms.
TEST_CASE("collectives: a sum has the same bits on every rank", "[collectives]") {
  const int64_t count = GENERATE(1, 37, 5000, 300000);
  TensorGroup comm;
  Owned x(DType::f32, {count}), largest(DType::f32, {count});
  for (int64_t i = 0; i < count; ++i) {
    const RandomKey key{static_cast<uint64_t>(comm->rank()), 1, 2};
    x.data<float>()[i] = random_uniform(key, static_cast<uint64_t>(i)) - 0.3f;
  }
  comm->all_reduce_sum(x, "sum");
  comm.settle();
  std::copy_n(x.data<float>(), count, largest.data<float>());
  comm->all_reduce_max(largest, "largest");
  comm.settle();
  CHECK(wrong(x, [&](int64_t i) { return static_cast<double>(largest.data<float>()[i]); }) == 0);
}

TEST_CASE("collectives: all_reduce", "[collectives]") {
  const DType dtype = GENERATE(DType::f32, DType::f64, DType::i32);
  TensorGroup comm(GENERATE(kShort, kLong, kShortInFlight, kLongInFlight));
  const int rank = comm->rank(), size = comm->size();
  Owned x(dtype, {10});
  const auto mine = [&](int64_t i) { return static_cast<double>((rank + 1) * (i + 1)); };
  const double ranks = size * (size + 1) / 2;
  const auto total = [&](int64_t i) { return ranks * static_cast<double>(i + 1); };

  fill(x, mine);
  comm->all_reduce_sum(x, "sum");
  comm.settle();
  CHECK(wrong(x, total) == 0);

  fill(x, mine);
  comm->all_reduce_max(x, "max");
  comm.settle();
  CHECK(wrong(x, [&](int64_t i) { return static_cast<double>(size * (i + 1)); }) == 0);

  // Two in flight at once, completed by polling and by the destructor.
  Owned y(dtype, {7});
  fill(x, mine);
  fill(y, mine);
  {
    const auto first = comm->start_all_reduce_sum(x, "first");
    const auto second = comm->start_all_reduce_sum(y, "second");
    while (!first->test()) {
    }
    first->wait();
  }
  comm.settle();
  CHECK(wrong(x, total) == 0);
  CHECK(wrong(y, total) == 0);
}

TEST_CASE("collectives: an empty tensor is reduced by all", "[collectives]") {
  Owned none(DType::f32, {0, 4});
  TensorGroup comm;
  comm->all_reduce_sum(none, "nothing");
  comm->start_all_reduce_sum(none, "nothing")->wait();
  comm.settle();
  SUCCEED();
}

TEST_CASE("collectives: all_to_all", "[collectives]") {
  TensorGroup comm(GENERATE(kShort, kLong));
  const int rank = comm->rank(), size = comm->size();
  const int64_t block = 2 * 5;
  Owned send(DType::f32, {size, 2, 5}), recv(DType::f32, {size, 2, 5});
  fill(send, [&](int64_t i) { return rank * 1000.0 + static_cast<double>(i); });
  comm->all_to_all(recv, send, "blocks");
  comm.settle();
  CHECK(wrong(recv, [&](int64_t i) {
          return static_cast<double>(i / block) * 1000 +
                 static_cast<double>(rank * block + i % block);
        }) == 0);
}

// Rank `from` sends rank `to` two blocks, of 0 to 3 rows.
int64_t rows_of(int from, int to, int block) {
  return (from + 2 * to + block * 3) % 4;
}

// Blocks of `count` rows, from last to first, with a free row between them.
template <class Count>
std::vector<RowRange> scattered(int size, Count&& count) {
  std::vector<RowRange> blocks(static_cast<size_t>(2 * size));
  int64_t first = 1;
  for (int i = 2 * size - 1; i >= 0; --i) {
    blocks[static_cast<size_t>(i)] = {first, count(i / 2, i % 2)};
    first += count(i / 2, i % 2) + 1;
  }
  return blocks;
}

TEST_CASE("collectives: rows in ragged, empty and scattered blocks, two at once", "[collectives]") {
  TensorGroup comm(GENERATE(kShort, kLong));
  const int rank = comm->rank(), size = comm->size();
  const auto sends =
      scattered(size, [&](int peer, int block) { return rows_of(rank, peer, block); });
  const auto receives =
      scattered(size, [&](int peer, int block) { return rows_of(peer, rank, block); });
  const int64_t width = 3, room = 8 * size + 2;
  Owned send(DType::f64, {room, width}), recv(DType::f64, {room, width}),
      other(DType::f64, {room, width});
  std::vector<double> expected(static_cast<size_t>(room * width), -1.0);
  const auto each = [&](const std::vector<RowRange>& blocks, auto&& visit) {
    for (int i = 0; i < 2 * size; ++i) {
      const RowRange& block = blocks[static_cast<size_t>(i)];
      for (int64_t at = 0; at < block.count * width; ++at) {
        visit(block.first * width + at, i / 2, static_cast<double>(i % 2 * 10 + at));
      }
    }
  };
  for (Owned* tensor : {&send, &recv, &other}) fill(*tensor, [](int64_t) { return -1.0; });
  each(sends,
       [&](int64_t at, int to, double value) { set(send, at, rank * 1000 + to * 100 + value); });
  each(receives, [&](int64_t at, int from, double value) {
    expected[static_cast<size_t>(at)] = from * 1000 + rank * 100 + value;
  });
  const auto first = comm->start_all_to_all_rows(recv, receives, send, sends, "first");
  const auto second = comm->start_all_to_all_rows(other, receives, send, sends, "second");
  second->wait();
  first->wait();
  comm.settle();
  const auto what = [&](int64_t i) { return expected[static_cast<size_t>(i)]; };
  CHECK(wrong(recv, what) == 0);
  CHECK(wrong(other, what) == 0);
}

TEST_CASE("collectives: all_gather and broadcast", "[collectives]") {
  const DType dtype = GENERATE(DType::f32, DType::i32);
  TensorGroup comm(GENERATE(kShort, kLong));
  const int rank = comm->rank(), size = comm->size();
  Owned send(dtype, {2, 4}), recv(dtype, {size, 2, 4});
  fill(send, [&](int64_t i) { return rank * 100.0 + static_cast<double>(i); });
  comm->all_gather(recv, send, "gather");
  comm.settle();
  CHECK(wrong(recv, [](int64_t i) { return static_cast<double>(i / 8 * 100 + i % 8); }) == 0);

  const int root = size - 1;
  comm->broadcast(send, root, "broadcast");
  comm.settle();
  CHECK(wrong(send, [&](int64_t i) { return root * 100.0 + static_cast<double>(i); }) == 0);
  comm->barrier("barrier");
}

TEST_CASE("collectives: reduce_scatter", "[collectives]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  TensorGroup comm(GENERATE(kShort, kLong));
  const int rank = comm->rank(), size = comm->size();
  Owned send(dtype, {size, 2, 5}), recv(dtype, {2, 5});
  fill(send, [&](int64_t i) { return (rank + 1) * 100.0 + static_cast<double>(i); });
  comm->reduce_scatter_sum(recv, send, "blocks");
  comm.settle();
  const double ranks = size * (size + 1) / 2;
  CHECK(wrong(recv, [&](int64_t i) {
          return 100 * ranks + static_cast<double>(size * (rank * 10 + i));
        }) == 0);
  Owned none(dtype, {0}), nothing(dtype, {size, 0});
  comm->reduce_scatter_sum(none, nothing, "nothing");
  comm.settle();
  CHECK_THROWS_AS(comm->reduce_scatter_sum(recv.tensor().slice(0, 1), send, "too small"),
                  InternalError);
}

// Rows of each rank's piece: the same, or uneven with a first or every second one empty.
std::vector<RowRange> pieces_of(int size, const std::string& how) {
  std::vector<RowRange> pieces;
  int64_t first = 0;
  for (int rank = 0; rank < size; ++rank) {
    const int64_t uneven = how == "late" ? 2 * rank : (rank + 1) % 2 * 5;
    pieces.push_back({first, how == "equal" ? 3 : uneven});
    first += pieces.back().count;
  }
  return pieces;
}

int owner_of(const std::vector<RowRange>& pieces, int64_t row) {
  int rank = 0;
  while (row >= pieces[static_cast<size_t>(rank)].first + pieces[static_cast<size_t>(rank)].count) {
    ++rank;
  }
  return rank;
}

TEST_CASE("collectives: a reduce-scatter sums the own piece, and a gather takes it to all",
          "[collectives]") {
  const DType dtype = GENERATE(DType::f32, DType::f64, DType::i32);
  const std::string how = GENERATE("equal", "late", "every second");
  CAPTURE(name_of(dtype), how);
  TensorGroup comm(GENERATE(kShort, kLong, kShortInFlight, kLongInFlight));
  const int rank = comm->rank(), size = comm->size();
  const std::vector<RowRange> pieces = pieces_of(size, how);
  const int64_t width = 2, rows = pieces.back().first + pieces.back().count;
  Owned x(dtype, {rows, width}), y(dtype, {rows, width});
  const auto mine = [&](int64_t i) { return static_cast<double>((rank + 1) * (i + 1)); };
  const auto total = [&](int64_t i) { return size * (size + 1) / 2 * static_cast<double>(i + 1); };
  fill(x, mine);
  fill(y, [&](int64_t i) { return 7 * mine(i); });
  // Two in flight at once.
  const auto first = comm->start_reduce_scatter_sum(x, pieces, "first");
  const auto second = comm->start_reduce_scatter_sum(y, pieces, "second");
  first->wait();
  second->wait();
  comm.settle();
  const auto reduced = [&](int64_t i) {
    return owner_of(pieces, i / width) == rank ? total(i) : mine(i);
  };
  CHECK(wrong(x, reduced) == 0);
  CHECK(wrong(y, [&](int64_t i) { return 7 * reduced(i); }) == 0);

  const auto gathered = comm->start_all_gather(x, pieces, "gather");
  while (!gathered->test()) {
  }
  gathered->wait();
  comm.settle();
  CHECK(wrong(x, total) == 0);
}

// So an update of the own piece and a gather give what an update of everything gives.
TEST_CASE("collectives: the sums of a reduce-scatter are the same in every run", "[collectives]") {
  TensorGroup comm;
  const int size = comm->size();
  const int64_t each = GENERATE(1, 37, 5000, 300000);
  std::vector<RowRange> pieces;
  for (int r = 0; r < size; ++r) pieces.push_back({r * each, each});
  Owned x(DType::f32, {size * each}), again(DType::f32, {size * each});
  for (int64_t i = 0; i < x.tensor().numel(); ++i) {
    const RandomKey key{static_cast<uint64_t>(comm->rank()), 1, 3};
    x.data<float>()[i] = random_uniform(key, static_cast<uint64_t>(i)) - 0.3f;
    again.data<float>()[i] = x.data<float>()[i];
  }
  for (Owned* tensor : {&x, &again}) {
    comm->start_reduce_scatter_sum(*tensor, pieces, "sum")->wait();
    comm.settle();
  }
  CHECK(wrong(x, [&](int64_t i) { return static_cast<double>(again.data<float>()[i]); }) == 0);
}

TEST_CASE("collectives: pieces must follow one another and cover the tensor", "[collectives]") {
  TensorGroup comm;
  const int size = comm->size();
  Owned x(DType::f32, {3 * size, 2});
  const auto start = [&](std::vector<RowRange> pieces) {
    CHECK_THROWS_AS(comm->start_all_gather(x, pieces, "pieces"), InternalError);
    CHECK_THROWS_AS(comm->start_reduce_scatter_sum(x, pieces, "pieces"), InternalError);
  };
  std::vector<RowRange> pieces = pieces_of(size, "equal");
  pieces.back().count = 2;  // a row belongs to nobody
  start(pieces);
  pieces.back().count = 4;
  start(pieces);
  pieces = pieces_of(size, "equal");
  pieces.front().first = 1;
  start(pieces);
  pieces = pieces_of(size, "equal");
  pieces.push_back({3 * size, 0});
  start(pieces);
}

TEST_CASE("collectives: bfloat16 is moved and never reduced", "[collectives]") {
  TensorGroup comm;
  const int rank = comm->rank(), size = comm->size();
  Owned send(DType::bf16, {size, 1}), recv(DType::bf16, {size, 1});
  uint16_t* out = static_cast<uint16_t*>(send.tensor().raw());
  for (int r = 0; r < size; ++r) out[r] = static_cast<uint16_t>(0x8000 + rank * 16 + r);
  comm->all_to_all(recv, send, "bfloat16");
  comm.settle();
  const uint16_t* in = static_cast<uint16_t*>(recv.tensor().raw());
  for (int r = 0; r < size; ++r) CHECK(in[r] == 0x8000 + r * 16 + rank);
  CHECK_THROWS_AS(comm->all_reduce_sum(send, "bfloat16"), InternalError);
  CHECK_THROWS_AS(comm->reduce_scatter_sum(recv.tensor().slice(0, 1), send, "bfloat16"),
                  InternalError);
  const std::vector<RowRange> pieces = pieces_of(size, "equal");
  Owned all(DType::bf16, {3 * size});
  uint16_t* bits = static_cast<uint16_t*>(all.tensor().raw());
  for (int64_t i = 0; i < 3 * size; ++i) bits[i] = static_cast<uint16_t>(0x8000 + rank * 256 + i);
  CHECK_THROWS_AS(comm->start_reduce_scatter_sum(all, pieces, "bfloat16"), InternalError);
  comm->start_all_gather(all, pieces, "bfloat16")->wait();
  comm.settle();
  for (int64_t i = 0; i < 3 * size; ++i) CHECK(bits[i] == 0x8000 + i / 3 * 256 + i);
}

TEST_CASE("collectives: split groups do not mix", "[collectives]") {
  TensorGroup comm;
  const int rank = comm->rank(), size = comm->size();
  const auto part = comm->split(rank % 2, "parity");
  CHECK(part->name() == "parity");
  CHECK(part->size() == (size + 1 - rank % 2) / 2);
  CHECK(part->rank() == rank / 2);
  Owned x(DType::i32, {1});
  x.data<int32_t>()[0] = rank;
  part->all_reduce_sum(x, "ranks of one parity");
  comm.settle();
  int expected = 0;
  for (int r = rank % 2; r < size; r += 2) expected += r;
  CHECK(x.data<int32_t>()[0] == expected);
}

TEST_CASE("collectives: the library's errors name call, label, group and rank", "[collectives]") {
  TensorGroup comm;
  Owned x(DType::i32, {4});
  const int size = comm->size();
  const char* library = test_backend() == Backend::cuda ? "ncclBroadcast" : "MPI_ERR_ROOT";
  using Catch::Matchers::Contains;
  // A root outside the group is rejected before anything is sent.
  CHECK_THROWS_WITH(comm->broadcast(x, size + 3, "wrong root"),
                    Contains("broadcast \"wrong root\"") && Contains("group test") &&
                        Contains(fmt::format("rank {} of {}", comm->rank(), size)) &&
                        Contains(library));
  CHECK_THROWS_AS(comm->broadcast(x, size + 3, "wrong root"), RuntimeFailure);
}

}  // namespace
}  // namespace sy
