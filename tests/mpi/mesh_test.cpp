// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/mesh.h"

#include <catch2/catch.hpp>

#include "tests/mpi/tensor_group.h"
#include "tests/support/gradcheck.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

// The world ranks of a group, in group order.
std::vector<int> members(Communicator& group, Exec& exec) {
  Owned mine = int_tensor({1}, {test_world().rank()}), all(DType::i32, {group.size()});
  group.all_gather(all, mine, "members");
  synchronize(exec);
  return {all.data<int32_t>(), all.data<int32_t>() + group.size()};
}

TEST_CASE("mesh: groups of every shape that fits the ranks", "[mesh]") {
  const int ranks = test_world().size(), rank = test_world().rank();
  const auto exec = make_exec();
  for (int model = 1; model <= ranks; ++model) {
    if (ranks % model != 0) continue;
    const int data = ranks / model;
    for (int expert = 1; expert <= data; ++expert) {
      if (data % expert != 0) continue;
      CAPTURE(model, expert);
      Mesh mesh(test_world(), {ranks, model, expert}, group_maker(*exec));
      const int m = rank % model, d = rank / model;
      CHECK(mesh.data_rank() == d);
      CHECK(mesh.model_rank() == m);
      std::vector<int> in_data, in_expert, in_replicas, in_model;
      for (int r = 0; r < model; ++r) in_model.push_back(d * model + r);
      for (int r = 0; r < data; ++r) {
        in_data.push_back(r * model + m);
        if (r / expert == d / expert) in_expert.push_back(r * model + m);
        if (r % expert == d % expert) in_replicas.push_back(r * model + m);
      }
      CHECK(members(mesh.data(), *exec) == in_data);
      CHECK(members(mesh.expert(), *exec) == in_expert);
      CHECK(members(mesh.replicas(), *exec) == in_replicas);
      CHECK(members(mesh.model(), *exec) == in_model);
      CHECK(mesh.expert().rank() == mesh.expert_rank());
      CHECK(mesh.replicas().rank() == mesh.replica());
    }
  }
}

TEST_CASE("mesh: a placement's groups", "[mesh]") {
  const int ranks = test_world().size();
  const auto exec = make_exec();
  for (const int model : {1, ranks > 1 ? 2 : 1, ranks}) {
    const int expert = ranks / model;
    CAPTURE(model, expert);
    Mesh mesh(test_world(), {ranks, model, expert}, group_maker(*exec));
    for (const Placement& placement : {Placement::replicated(), Placement::expert(),
                                       Placement::model(1), Placement::expert_and_model(2)}) {
      const MeshAxes axes = placement.axes();
      CHECK(members(mesh.reduction_group(axes), *exec) == reduction_ranks(axes, mesh.place()));
    }
    for (const MeshAxis axis : kMeshAxes) {
      CHECK(members(mesh.along(axis), *exec) == ranks_along(axis, mesh.place()));
      CHECK(mesh.along(axis).rank() == mesh.place().rank_along(axis));
    }
  }
}

TEST_CASE("mesh: a shape that does not divide the ranks is the user's fault", "[mesh]") {
  const int ranks = test_world().size();
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(Mesh(test_world(), {ranks, 3, 1}), Contains("mesh.model: 3"));
  CHECK_THROWS_WITH(Mesh(test_world(), {ranks, 1, 3}), Contains("mesh.expert: 3"));
}

}  // namespace
}  // namespace sy
