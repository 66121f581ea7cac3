// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "lib/dist/communicator.h"
#include "lib/dist/mesh.h"
#include "tests/support/gradcheck.h"

namespace sy {
namespace {
using namespace test;

std::vector<int32_t> values(Tensor tensor) {
  return {tensor.data<int32_t>(), tensor.data<int32_t>() + tensor.numel()};
}

TEST_CASE("self_communicator: every collective is a copy", "[self_communicator]") {
  const auto self = make_self_communicator();
  Owned send = int_tensor({3, 2}, {1, 2, 3, 4, 5, 6}), recv(DType::i32, {3, 2});
  self->all_reduce_sum(send, "sum");
  self->all_reduce_max(send, "max");
  self->broadcast(send, 0, "broadcast");
  self->barrier("barrier");
  CHECK(self->start_all_reduce_sum(send, "sum")->test());
  CHECK(values(send) == std::vector<int32_t>{1, 2, 3, 4, 5, 6});

  self->all_to_all(recv, send, "all to all");
  CHECK(values(recv) == values(send));
  Owned gathered(DType::i32, {1, 3, 2});
  self->all_gather(gathered, send, "gather");
  CHECK(values(gathered) == values(send));
  Owned sums(DType::i32, {3, 2});
  self->reduce_scatter_sum(sums, gathered, "reduce-scatter");
  CHECK(values(sums) == values(send));
  Owned rows = int_tensor({4, 2}, {0, 0, 0, 0, 0, 0, 9, 9});
  self->start_all_to_all_rows(rows, {{1, 2}, {0, 1}}, send, {{0, 2}, {2, 1}}, "rows")->wait();
  CHECK(values(rows) == std::vector<int32_t>{5, 6, 1, 2, 3, 4, 9, 9});
  self->start_reduce_scatter_sum(send, {{0, 3}}, "reduce")->wait();
  self->start_all_gather(send, {{0, 3}}, "gather")->wait();
  CHECK(values(send) == std::vector<int32_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("self_communicator: wrong arguments are our error", "[self_communicator]") {
  const auto self = make_self_communicator();
  Owned send = int_tensor({2, 2}, {1, 2, 3, 4}), small(DType::i32, {1, 2}), f32(DType::f32, {2, 2});
  CHECK_THROWS_AS(self->all_to_all(small, send, "shape"), InternalError);
  CHECK_THROWS_AS(self->all_to_all(f32, send, "dtype"), InternalError);
  CHECK_THROWS_AS(self->all_to_all(send, send, "overlap"), InternalError);
  const auto rows = [&](RowRange to, RowRange from) {
    return self->start_all_to_all_rows(small, {to}, send, {from}, "rows");
  };
  CHECK_NOTHROW(rows({0, 1}, {1, 1}));
  CHECK_THROWS_AS(rows({0, 2}, {0, 2}), InternalError);   // more than recv has
  CHECK_THROWS_AS(rows({0, 1}, {2, 1}), InternalError);   // past send's end
  CHECK_THROWS_AS(rows({-1, 1}, {0, 1}), InternalError);  // before the beginning
  CHECK_THROWS_AS(rows({0, 1}, {0, 0}), InternalError);   // not as many
  CHECK_THROWS_AS(self->all_gather(small, send, "shape"), InternalError);
  CHECK_THROWS_AS(self->reduce_scatter_sum(small, send, "shape"), InternalError);
  CHECK_THROWS_AS(self->broadcast(send, 1, "root"), InternalError);
  CHECK_THROWS_AS(self->start_all_gather(send, {{0, 1}}, "not all"), InternalError);
  CHECK_THROWS_AS(self->start_reduce_scatter_sum(send, {{0, 1}, {1, 1}}, "two"), InternalError);
  CHECK_THROWS_AS(self->all_reduce_sum(Tensor(nullptr, DType::bf16, {0}), "bf16"), InternalError);
}

TEST_CASE("mesh: one rank, and shapes that do not divide", "[self_communicator]") {
  const auto self = make_self_communicator();
  Mesh mesh(*self, {1, 1, 1});
  CHECK(mesh.expert_rank() == 0);
  CHECK(mesh.replica() == 0);
  CHECK(mesh.expert().name() == "expert");
  CHECK(mesh.replicas().size() == 1);
  CHECK_THROWS_AS(Mesh(*self, {1, 2, 1}), ConfigError);
  CHECK_THROWS_AS(Mesh(*self, {1, 1, 2}), ConfigError);
}

}  // namespace
}  // namespace sy
