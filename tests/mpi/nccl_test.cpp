// SPDX-License-Identifier: Apache-2.0
// Errors between ranks over NCCL are found and named, and streams progress without the host. Only
// where GPUs are executed on the host, which compares the calls of the ranks and runs streams in
// every order.
#include <catch2/catch.hpp>

#include "lib/dist/nccl/nccl_queue.h"
#include "lib/dist/watchdog.h"
#include "lib/tensor/cuda/cuda_context.h"
#include "tests/hostcuda/device/schedule.h"
#include "tests/hostcuda/nccl/nccl_comm.h"
#include "tests/mpi/tensor_group.h"
#include "tests/support/mpi_world.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using Catch::Matchers::Contains;

constexpr int kByte = 3;  // each of the four bytes of an int32

// The watchdog would end the job because of the errors planted here.
struct WithoutWatchdog {
  WithoutWatchdog() { stop_watchdog(); }
  ~WithoutWatchdog() { start_watchdog(120); }
};

bool runs_here(int ranks) {
  if (test_backend() == Backend::cuda && test_world().size() >= ranks) return true;
  skip(fmt::format("for the CUDA backend on at least {} ranks", ranks));
  return false;
}

void finish(Request& request) {
  while (!request.test()) {
  }
}

TEST_CASE("nccl: different calls are named on every rank", "[nccl]") {
  if (!runs_here(2)) return;
  const WithoutWatchdog quiet;
  TensorGroup comm;
  Owned x(DType::f32, {4}), all(DType::f32, {comm->size(), 4});
  if (comm->rank() == 1) comm->all_gather(all, x, "weights");
  const auto request = comm->start_all_reduce_sum(x, "gradients");
  CHECK_THROWS_WITH(finish(*request), Contains("all_reduce_sum \"gradients\"") &&
                                          Contains("group test") && Contains("invalid usage") &&
                                          Contains("is all-reduce (sum) of 4 float32") &&
                                          Contains("call 1 of rank 1 is all-gather of 4 float32"));
  // The next call fails too, and nothing blocks.
  CHECK_THROWS_AS(comm->all_reduce_max(x, "maximum"), RuntimeFailure);
}

TEST_CASE("nccl: a wrong count is named on every rank", "[nccl]") {
  if (!runs_here(2)) return;
  const WithoutWatchdog quiet;
  TensorGroup comm;
  Owned x(DType::i32, {5});
  const int64_t mine = comm->rank() == 1 ? 3 : 5;
  const auto request = comm->start_all_reduce_sum(x.tensor().slice(0, mine), "counts");
  CHECK_THROWS_WITH(finish(*request), Contains("(sum) of 5 int32") && Contains("(sum) of 3 int32"));
}

TEST_CASE("nccl: pieces that differ are named on every rank", "[nccl]") {
  if (!runs_here(2)) return;
  const WithoutWatchdog quiet;
  TensorGroup comm;
  const int64_t size = comm->size(), mine = comm->rank() == 1 ? 2 : 3;
  std::vector<RowRange> pieces;
  for (int64_t r = 0; r < size; ++r) pieces.push_back({r * 3, 3});
  pieces[0].count = pieces[1].first = mine;
  pieces[1].count = 6 - mine;
  Owned x(DType::f32, {size * 3});
  const auto request = comm->start_reduce_scatter_sum(x, pieces, "gradients");
  CHECK_THROWS_WITH(finish(*request),
                    Contains("reduce_scatter_sum \"gradients\"") &&
                        Contains("is reduce-scatter (sum) of 3 float32") &&
                        Contains("call 1 of rank 1 is reduce (sum) of 2 float32 to rank 0"));
}

TEST_CASE("nccl: rows that are sent and not expected are named on every rank", "[nccl]") {
  if (!runs_here(2)) return;
  const WithoutWatchdog quiet;
  TensorGroup comm;
  const int rank = comm->rank();
  std::vector<RowRange> sends, receives;
  for (int64_t r = 0; r < comm->size(); ++r) sends.push_back({r, 1}), receives.push_back({r, 1});
  if (rank == 0) sends[1].count = 2;
  Owned out(DType::f32, {comm->size() + 1, 3}), in(DType::f32, {comm->size() + 1, 3});
  const auto request = comm->start_all_to_all_rows(in, receives, out, sends, "dispatch");
  // Ranks that do not take part may finish before they learn of it.
  if (rank > 1) {
    comm.settle();
    comm->barrier("all have seen it");
    return;
  }
  CHECK_THROWS_WITH(
      finish(*request),
      Contains("call 1 of rank 0 is send of 6 and receive of 3 float32 with rank 1") &&
          Contains("call 1 of rank 1 is send of 3 and receive of 3 float32"));
  comm->barrier("all have seen it");
}

TEST_CASE("nccl: as many rows in other blocks are named on every rank", "[nccl]") {
  if (!runs_here(2)) return;
  const WithoutWatchdog quiet;
  TensorGroup comm;
  std::vector<RowRange> sends, receives;
  for (int64_t r = 0; r < comm->size(); ++r) {
    // Blocks of 1 and 2 rows; those from rank 0 to rank 1 have 2 and 1.
    const bool wrong = comm->rank() == 0 && r == 1;
    sends.push_back({0, wrong ? 2 : 1}), sends.push_back({2, wrong ? 1 : 2});
    receives.push_back({3 * r, 1}), receives.push_back({3 * r + 1, 2});
  }
  Owned out(DType::f32, {4, 3}), in(DType::f32, {3 * comm->size(), 3});
  const auto request = comm->start_all_to_all_rows(in, receives, out, sends, "dispatch");
  if (comm->rank() > 1) {
    comm.settle();
    comm->barrier("all have seen it");
    return;
  }
  CHECK_THROWS_WITH(finish(*request),
                    Contains("call 1 of rank 0 is send of 9 (in 2 blocks) and receive of 9 (in 2 "
                             "blocks) float32 with rank 1"));
  comm->barrier("all have seen it");
}

TEST_CASE("nccl: memory that is not the GPU's is refused", "[nccl]") {
  if (!runs_here(1)) return;
  TensorGroup comm;
  std::vector<float> host(8);
  CHECK_THROWS_WITH(comm->all_reduce_sum(Tensor(host.data(), DType::f32, {8}), "host"),
                    Contains("invalid argument") && Contains("32 bytes"));
}

// The sum of one element as the compute stream sees it after the call, with and without waiting for
// the request. The summand was queued on the compute stream just before.
int32_t first_sum(TensorGroup& comm, bool waits) {
  Owned x(DType::i32, {3});
  REQUIRE(cudaMemsetAsync(x.data<int32_t>(), kByte, 3 * sizeof(int32_t),
                          cuda(comm.exec()).compute) == cudaSuccess);
  const auto request = comm->start_all_reduce_sum(x, "sum");
  if (waits) request->wait();
  int32_t found[3] = {};
  download(comm.exec(), Tensor(found, DType::i32, {3}), x);
  request->wait();
  comm.settle();
  return found[0];
}

TEST_CASE("nccl: a wait that is left out is seen, one that is made suffices", "[nccl]") {
  if (!runs_here(2)) return;
  const hostcuda::Order given = hostcuda::order();
  TensorGroup comm;
  const int32_t total = comm->size() * (kByte * 0x01010101);
  bool seen = false;
  for (const auto order :
       {hostcuda::Order::forward, hostcuda::Order::reverse, hostcuda::Order::random}) {
    hostcuda::set_schedule({.order = order});
    CHECK(first_sum(comm, true) == total);
    seen |= first_sum(comm, false) != total;
  }
  hostcuda::set_schedule({.order = given});
  CHECK(seen);
}

// Two calls, of two groups; odd ranks launch them in the other order if `swaps`.
struct TwoGroups {
  explicit TwoGroups(bool swaps) {
    x.data<int32_t>()[0] = y.data<int32_t>()[0] = 1;
    const auto start_first = [&] { one = first->start_all_reduce_sum(x, "one"); };
    if (!swaps || first->rank() % 2 == 0) start_first();
    other = second->start_all_reduce_sum(y, "other");
    if (one == nullptr) start_first();
  }
  TensorGroup first, second;
  Owned x{DType::i32, {1}}, y{DType::i32, {1}};
  RequestPtr one, other;
};

TEST_CASE("nccl: calls of two groups may finish in any order", "[nccl]") {
  if (!runs_here(2)) return;
  TwoGroups groups(false);
  finish(*groups.other);
  finish(*groups.one);
  CHECK(groups.x.data<int32_t>()[0] == groups.first->size());
  CHECK(groups.y.data<int32_t>()[0] == groups.first->size());
}

TEST_CASE("nccl: calls of two groups launched in different orders are named", "[nccl]") {
  if (!runs_here(2)) return;
  const WithoutWatchdog quiet;
  TwoGroups groups(true);
  const char *const call = "call 1 of the communicator, all-reduce (sum) of 1 int32, is launch",
                    *const theirs = "on all communicators, but launch";
  CHECK_THROWS_WITH(finish(*groups.one), Contains(call) && Contains(theirs));
  CHECK_THROWS_WITH(finish(*groups.other), Contains(call) && Contains(theirs));
  groups.first->barrier("all have seen it");
}

TEST_CASE("nccl: a GPU goes on while its host waits for the other hosts", "[nccl]") {
  if (!runs_here(2)) return;
  TensorGroup comm;
  Owned x(DType::i32, {1});
  x.data<int32_t>()[0] = 1;
  const auto request = comm->start_all_reduce_sum(x, "sum");
  if (comm->rank() != 0) finish(*request);
  comm->barrier("rank 0 is here at once");
  finish(*request);
  CHECK(x.data<int32_t>()[0] == comm->size());
}

TEST_CASE("nccl: hundreds of calls queued before the first is waited for", "[nccl]") {
  if (!runs_here(2)) return;
  const WithoutWatchdog alone;  // so the queue itself must remove finished calls
  TensorGroup comm;
  Owned x(DType::i32, {1}), most(DType::i32, {1});
  x.data<int32_t>()[0] = 1;
  most.data<int32_t>()[0] = comm->rank();
  const auto first = comm->start_all_reduce_sum(x, "first");
  for (int i = 0; i < 700; ++i) comm->all_reduce_max(most, "maximum");
  finish(*first);
  CHECK(x.data<int32_t>()[0] == comm->size());
  comm.settle();
  CHECK(most.data<int32_t>()[0] == comm->size() - 1);
}

TEST_CASE("nccl: an older library is refused with both versions", "[nccl]") {
  if (!runs_here(1)) return;
  hostcuda::reported_version() = 22504;
  CHECK_THROWS_AS(TensorGroup(), RuntimeFailure);
  CHECK_THROWS_WITH(TensorGroup(), Contains("2.26.0") && Contains("2.25.4"));
  hostcuda::reported_version() = 2804;
  CHECK_THROWS_WITH(TensorGroup(), Contains("NCCL 2.8.4"));
  hostcuda::reported_version() = 22600;
  TensorGroup comm;
  hostcuda::reported_version() = NCCL_VERSION_CODE;
}

// A call with a communicator that was aborted would end this program.
TEST_CASE("nccl: an aborted communicator is asked for nothing", "[nccl]") {
  if (!runs_here(1)) return;
  const WithoutWatchdog quiet;
  const auto exec = make_exec(1, 1);
  const auto host = make_mpi_communicator(MPI_COMM_WORLD, "aborted");
  detail::NcclLink link(*host);
  detail::NcclQueue queue(link);
  CHECK(queue.fault(1, {}).text.empty());
  queue.begin(cuda(*exec).compute);
  queue.end({"all_reduce_sum", "gradients", "aborted", 1});
  CHECK(link.comm() != nullptr);
  queue.abort();
  CHECK(link.failed());
  CHECK(link.error() == ncclRemoteError);
  CHECK_FALSE(link.error_text(link.error()).empty());
  CHECK_THAT(queue.fault(1, {}).text, Contains("all_reduce_sum \"gradients\""));
  CHECK_THROWS_AS(link.comm(), RuntimeFailure);
  link.abort();
  synchronize(*exec);
}

}  // namespace
}  // namespace sy
