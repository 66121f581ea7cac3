// Every collective on integers (integer-valued floats where the dtype is one), so that sums are
// exact and compared with ==; at the normal message limit and at one of three elements, which cuts
// every message. With SWITCHYARD_TEST_BACKEND=cuda over NCCL.
#include <mpi.h>
#include <catch2/catch.hpp>

#include "lib/dist/mpi_communicator.h"
#include "tests/mpi/tensor_group.h"
#include "tests/support/gradcheck.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

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

// Elements of `tensor` that differ from value(i).
template <class Function>
int64_t wrong(Tensor tensor, Function&& value) {
  int64_t count = 0;
  for (int64_t i = 0; i < tensor.numel(); ++i) count += get(tensor, i) != value(i);
  return count;
}

TEST_CASE("collectives: all_reduce", "[collectives]") {
  const DType dtype = GENERATE(DType::f32, DType::f64, DType::i32);
  TensorGroup comm(GENERATE(int64_t{3}, kMessageLimit));
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

  // Two under way at once, completed by polling and by the destructor.
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

TEST_CASE("collectives: all_to_all, blocking and under way", "[collectives]") {
  TensorGroup comm(GENERATE(int64_t{3}, kMessageLimit));
  const int rank = comm->rank(), size = comm->size();
  const int64_t block = 2 * 5;
  Owned send(DType::f32, {size, 2, 5}), recv(DType::f32, {size, 2, 5}),
      other(DType::f32, {size, 2, 5});
  fill(send, [&](int64_t i) { return rank * 1000.0 + static_cast<double>(i); });
  const auto expected = [&](int64_t i) {
    return static_cast<double>(i / block) * 1000 + static_cast<double>(rank * block + i % block);
  };
  comm->all_to_all(recv, send, "blocks");
  comm.settle();
  CHECK(wrong(recv, expected) == 0);

  fill(recv, [](int64_t) { return -1.0; });
  const auto first = comm->start_all_to_all(recv, send, "first");
  const auto second = comm->start_all_to_all(other, send, "second");
  second->wait();
  first->wait();
  comm.settle();
  CHECK(wrong(recv, expected) == 0);
  CHECK(wrong(other, expected) == 0);
}

TEST_CASE("collectives: all_to_all_rows with ragged and empty blocks", "[collectives]") {
  TensorGroup comm(GENERATE(int64_t{3}, kMessageLimit));
  const int rank = comm->rank(), size = comm->size();
  // Rank s sends (s + 2 r) % 4 rows to rank r: 0 for some pairs.
  const auto rows = [](int from, int to) { return int64_t{(from + 2 * to) % 4}; };
  std::vector<int64_t> sends, receives;
  for (int r = 0; r < size; ++r) {
    sends.push_back(rows(rank, r));
    receives.push_back(rows(r, rank));
  }
  const int64_t width = 3, room = 4 * size;  // more room than rows: the rest stays as it is
  Owned send(DType::f64, {room, width}), recv(DType::f64, {room, width});
  fill(recv, [](int64_t) { return -1.0; });
  int64_t row = 0;
  for (int r = 0; r < size; ++r) {
    for (int64_t k = 0; k < sends[static_cast<size_t>(r)]; ++k, ++row) {
      for (int64_t c = 0; c < width; ++c) set(send, row * width + c, rank * 100 + r * 10 + k);
    }
  }
  comm->all_to_all_rows(recv, receives, send, sends, "rows");
  comm.settle();
  row = 0;
  int64_t bad = 0;
  for (int r = 0; r < size; ++r) {
    for (int64_t k = 0; k < receives[static_cast<size_t>(r)]; ++k, ++row) {
      for (int64_t c = 0; c < width; ++c) {
        bad += get(recv, row * width + c) != r * 100 + rank * 10 + static_cast<double>(k);
      }
    }
  }
  for (int64_t i = row * width; i < room * width; ++i) bad += get(recv, i) != -1.0;
  CHECK(bad == 0);
}

TEST_CASE("collectives: all_gather and broadcast", "[collectives]") {
  const DType dtype = GENERATE(DType::f32, DType::i32);
  TensorGroup comm(GENERATE(int64_t{3}, kMessageLimit));
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
  // A root outside the group is refused before anything is sent.
  CHECK_THROWS_WITH(comm->broadcast(x, size + 3, "wrong root"),
                    Contains("broadcast \"wrong root\"") && Contains("group test") &&
                        Contains(fmt::format("rank {} of {}", comm->rank(), size)) &&
                        Contains(library));
  CHECK_THROWS_AS(comm->broadcast(x, size + 3, "wrong root"), RuntimeFailure);
}

}  // namespace
}  // namespace sy
