// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/planned_world.h"

#include <catch2/catch.hpp>

#include <string>

#include "lib/dist/mesh_groups.h"

namespace sy {
namespace {

// The last call, with copies of its names.
struct Heard final : CallListener {
  int calls = 0;
  std::string group, collective, label;
  PlannedCall last;

  void on_call(const PlannedCall& call) override {
    ++calls;
    group = call.group;
    collective = call.collective;
    label = call.label;
    last = call;
  }
};

TEST_CASE("planned world: splits into the groups of the mesh", "[planned_world]") {
  const MeshShape shape{12, 2, 3};
  for (int rank = 0; rank < shape.ranks; ++rank) {
    Traffic traffic;
    const auto world = make_planned_world({shape, rank}, traffic, nullptr);
    CHECK(world->rank() == rank);
    CHECK(world->size() == 12);
    for (const char* name : kMeshGroups) {
      const std::vector<int> ranks = group_ranks(name, {shape, rank});
      const auto group = world->split(ranks.front(), name);
      CHECK(group->name() == name);
      CHECK(group->size() == static_cast<int>(ranks.size()));
      CHECK(ranks[static_cast<size_t>(group->rank())] == rank);
    }
  }
  CHECK(group_ranks("data", {shape, 1}) == std::vector<int>{1, 3, 5, 7, 9, 11});
  CHECK(group_ranks("expert", {shape, 7}) == std::vector<int>{7, 9, 11});
  CHECK(group_ranks("replicas", {shape, 7}) == std::vector<int>{1, 7});
  CHECK(group_ranks("model", {shape, 7}) == std::vector<int>{6, 7});
  CHECK_THROWS_AS(group_ranks("modell", {shape, 7}), InternalError);
}

TEST_CASE("planned world: who listens hears each call, and it is counted", "[planned_world]") {
  Traffic traffic;
  Heard heard;
  const auto world = make_planned_world({{4, 1, 2}, 3}, traffic, &heard);
  const auto group = world->split(2, "expert");
  const Tensor rows(nullptr, DType::bf16, {6, 4}), numbers(nullptr, DType::f64, {3});
  group->all_reduce_sum(numbers, "sum");
  CHECK(heard.collective == "all_reduce_sum");
  CHECK(heard.group == "expert");
  CHECK(heard.label == "sum");
  CHECK(heard.last.ranks == 2);
  CHECK(heard.last.dtype == DType::f64);
  CHECK(heard.last.count == 3);
  const std::vector<RowRange> sends{{0, 1}, {1, 2}}, receives{{0, 4}, {4, 2}};
  group->start_all_to_all_rows(rows, receives, rows, sends, "rows");
  CHECK(heard.collective == "all_to_all_rows");
  CHECK(heard.last.count == 4);
  CHECK(heard.last.sends.data() == sends.data());
  CHECK(heard.last.receives.data() == receives.data());
  world->broadcast(numbers, 3, "root");
  CHECK(heard.group == "world");
  CHECK(heard.last.root == 3);
  world->barrier("end");
  CHECK(heard.collective == "barrier");
  CHECK(heard.calls == 4);
  CHECK(traffic.records().at({"expert", "all_to_all_rows", "rows"}) == TrafficCount{1, 8});
  CHECK(traffic.records().at({"world", "broadcast", "root"}) == TrafficCount{1, 24});
  world->split(3, "model")->all_reduce_sum(numbers, "alone");  // one rank calls nothing
  CHECK(heard.calls == 4);
}

}  // namespace
}  // namespace sy
