// SPDX-License-Identifier: Apache-2.0
// Planned and counting communicators, in a group with only this rank.
#include "lib/dist/traffic.h"

#include <catch2/catch.hpp>

#include "lib/dist/mesh.h"
#include "lib/dist/planning.h"
#include "tests/support/gradcheck.h"

namespace sy {
namespace {
using namespace test;

Tensor without_memory(Shape shape, DType dtype = DType::f32) {
  return {nullptr, dtype, shape};
}

TrafficCount count_of(const Traffic& traffic, const char* collective, const char* label) {
  const auto found = traffic.records().find({"three", collective, label});
  return found == traffic.records().end() ? TrafficCount{} : found->second;
}

TEST_CASE("traffic: bytes of every collective", "[traffic]") {
  Traffic traffic;
  const auto group = make_counting_communicator(make_planned_communicator("three", 1, 3), traffic);
  const Tensor six = without_memory({6, 5}), two = without_memory({2, 5}, DType::bf16);
  group->all_reduce_sum(six, "a");
  group->start_all_reduce_sum(six, "a")->wait();
  CHECK(count_of(traffic, "all_reduce_sum", "a") == TrafficCount{2, 2 * 120});
  group->all_reduce_max(without_memory({7}, DType::f64), "b");
  CHECK(count_of(traffic, "all_reduce_max", "b") == TrafficCount{1, 56});
  group->all_to_all(six, six, "c");  // 2 of 6 rows stay
  CHECK(count_of(traffic, "all_to_all", "c") == TrafficCount{1, 80});
  group->all_gather(without_memory({3, 2, 5}, DType::bf16), two, "d");
  CHECK(count_of(traffic, "all_gather", "d") == TrafficCount{1, 20});
  group->broadcast(six, 1, "e");
  group->broadcast(six, 0, "e");
  CHECK(count_of(traffic, "broadcast", "e") == TrafficCount{2, 120});
  // Two blocks a rank; the 1 + 2 rows in the middle are this rank's own.
  const std::vector<RowRange> sends{{0, 0}, {0, 1}, {1, 1}, {2, 2}, {4, 1}, {0, 0}};
  const std::vector<RowRange> receives{{0, 0}, {0, 0}, {0, 1}, {1, 2}, {3, 1}, {4, 1}};
  CHECK(group
            ->start_all_to_all_rows(without_memory({5, 3}), receives, without_memory({6, 3}), sends,
                                    "f")
            ->test());
  CHECK(count_of(traffic, "all_to_all_rows", "f") == TrafficCount{1, 2 * 12});
  const std::vector<RowRange> pieces{{0, 1}, {1, 2}, {3, 3}};  // two rows are its own
  group->start_reduce_scatter_sum(six, pieces, "h")->wait();
  CHECK(count_of(traffic, "reduce_scatter_sum", "h") == TrafficCount{1, 4 * 20});
  group->start_all_gather(six, pieces, "i")->wait();
  CHECK(count_of(traffic, "all_gather", "i") == TrafficCount{1, 2 * 20});
  group->barrier("g");
  group->reduce_scatter_sum(without_memory({2, 5}), six, "j");  // 2 of 6 rows stay
  CHECK(count_of(traffic, "reduce_scatter_sum", "j") == TrafficCount{1, 80});
  CHECK(traffic.records().size() == 9);
  CHECK(traffic.bytes() == 2 * 120 + 56 + 80 + 20 + 120 + 24 + 80 + 40 + 80);
}

TEST_CASE("traffic: sums and multiples", "[traffic]") {
  Traffic step, micro_batch;
  micro_batch.add({"expert", "all_to_all", "x"}, {2, 10});
  step.add({"expert", "all_to_all", "x"}, {1, 5});
  step.add({"data", "all_to_all", "x"}, {1, 1});
  step.add(micro_batch, 3);
  const std::map<TrafficKey, TrafficCount> expected{{{"expert", "all_to_all", "x"}, {7, 35}},
                                                    {{"data", "all_to_all", "x"}, {1, 1}}};
  CHECK(step.records() == expected);
  step.clear();
  CHECK(step.bytes() == 0);
}

TEST_CASE("traffic: a group of one rank sends nothing", "[traffic]") {
  Traffic traffic;
  const auto self = make_self_communicator();
  const auto counted = make_counting_communicator(*self, traffic);
  Owned send = int_tensor({2}, {1, 2}), recv(DType::i32, {2});
  counted->all_to_all(recv, send, "a");
  counted->split(0, "part")->all_reduce_sum(send, "b");
  CHECK(recv.data<int32_t>()[1] == 2);  // passed on
  CHECK(traffic.records().empty());
}

TEST_CASE("traffic: planned groups check arguments, others want memory", "[traffic]") {
  const auto planned = make_planned_communicator("three", 0, 3);
  CHECK_THROWS_AS(planned->all_to_all(without_memory({5}), without_memory({5}), "not cut by 3"),
                  InternalError);
  CHECK_THROWS_AS(planned->all_reduce_sum(without_memory({5}, DType::bf16), "bf16"), InternalError);
  CHECK_THROWS_AS(planned->broadcast(without_memory({5}), 3, "root"), InternalError);
  CHECK_THROWS_AS(planned->start_all_gather(without_memory({5}), {{0, 5}}, "pieces"),
                  InternalError);
  CHECK_THROWS_AS(planned->split(0, "part"), InternalError);
  CHECK_THROWS_AS(make_planned_communicator("three", 3, 3), InternalError);
  const auto self = make_self_communicator();
  CHECK_THROWS_AS(self->all_reduce_sum(without_memory({5}), "planned"), InternalError);
}

TEST_CASE("traffic: a planned mesh has a rank's place, whichever rank it is", "[traffic]") {
  const MeshShape shape{24, 2, 3};
  for (int rank = 0; rank < shape.ranks; ++rank) {
    Traffic traffic;
    Mesh mesh = Mesh::planned(shape, rank, &traffic);
    CAPTURE(rank);
    CHECK(mesh.rank() == rank);
    CHECK((mesh.data_rank() == rank / 2 && mesh.data().rank() == rank / 2));
    CHECK((mesh.expert().size() == 3 && mesh.expert().rank() == rank / 2 % 3));
    CHECK((mesh.replicas().size() == 4 && mesh.replicas().rank() == rank / 2 / 3));
    mesh.replicas().all_reduce_sum(without_memory({2}), "x");
    const std::map<TrafficKey, TrafficCount> expected{
        {{"replicas", "all_reduce_sum", "x"}, {1, 8}}};
    CHECK(traffic.records() == expected);
  }
  CHECK_THROWS_AS(Mesh::planned({24, 5, 1}, 0), ConfigError);
}

TEST_CASE("traffic: what is planned ends with its block", "[traffic]") {
  Exec exec;
  const auto self = make_self_communicator();
  const Mesh mesh(*self, {});
  {
    const PlanningScope outer(exec, mesh);
    { const PlanningScope inner(exec, mesh); }
    CHECK(exec.planning);
  }
  CHECK_FALSE(exec.planning);
}

}  // namespace
}  // namespace sy
