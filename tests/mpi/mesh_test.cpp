#include "lib/dist/mesh.h"

#include <catch2/catch.hpp>

#include "tests/mpi/tensor_group.h"
#include "tests/support/gradcheck.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

// The world ranks of a group, in its order.
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
      std::vector<int> in_data, in_expert, in_replicas;
      for (int r = 0; r < data; ++r) {
        in_data.push_back(r * model + m);
        if (r / expert == d / expert) in_expert.push_back(r * model + m);
        if (r % expert == d % expert) in_replicas.push_back(r * model + m);
      }
      CHECK(members(mesh.data(), *exec) == in_data);
      CHECK(members(mesh.expert(), *exec) == in_expert);
      CHECK(members(mesh.replicas(), *exec) == in_replicas);
      CHECK(mesh.expert().rank() == mesh.expert_rank());
      CHECK(mesh.replicas().rank() == mesh.replica());
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
