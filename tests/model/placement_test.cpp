// SPDX-License-Identifier: Apache-2.0
// Everything that follows from a placement, on every mesh, compared with coordinates and groups
// written out here.
#include "lib/dist/placement.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <map>

#include "lib/model/initial_values.h"
#include "tests/support/gradcheck.h"

namespace sy {
namespace {
using namespace test;

using Ranks = std::vector<int>;
using Groups = std::vector<Ranks>;

struct MeshCase {
  std::string name;  // data x expert x model
  MeshShape shape;
  Ranks expert_rank, model_rank;  // of each rank of the world
  Groups data, replicas, expert, model;
};

const std::vector<MeshCase> kMeshes{
    {"1x1x1", {1, 1, 1}, {0}, {0}, {{0}}, {{0}}, {{0}}, {{0}}},
    {"2x1x1", {2, 1, 1}, {0, 0}, {0, 0}, {{0, 1}}, {{0, 1}}, {{0}, {1}}, {{0}, {1}}},
    {"2x2x1", {2, 1, 2}, {0, 1}, {0, 0}, {{0, 1}}, {{0}, {1}}, {{0, 1}}, {{0}, {1}}},
    {"4x2x1",
     {4, 1, 2},
     {0, 1, 0, 1},
     {0, 0, 0, 0},
     {{0, 1, 2, 3}},
     {{0, 2}, {1, 3}},
     {{0, 1}, {2, 3}},
     {{0}, {1}, {2}, {3}}},
    {"4x2x2",
     {8, 2, 2},
     {0, 0, 1, 1, 0, 0, 1, 1},
     {0, 1, 0, 1, 0, 1, 0, 1},
     {{0, 2, 4, 6}, {1, 3, 5, 7}},
     {{0, 4}, {1, 5}, {2, 6}, {3, 7}},
     {{0, 2}, {1, 3}, {4, 6}, {5, 7}},
     {{0, 1}, {2, 3}, {4, 5}, {6, 7}}},
    {"2x2x2",
     {4, 2, 2},
     {0, 0, 1, 1},
     {0, 1, 0, 1},
     {{0, 2}, {1, 3}},
     {{0}, {1}, {2}, {3}},
     {{0, 2}, {1, 3}},
     {{0, 1}, {2, 3}}},
    {"1x1x2", {2, 2, 1}, {0, 0}, {0, 1}, {{0}, {1}}, {{0}, {1}}, {{0}, {1}}, {{0, 1}}},
    {"1x1x4",
     {4, 4, 1},
     {0, 0, 0, 0},
     {0, 1, 2, 3},
     {{0}, {1}, {2}, {3}},
     {{0}, {1}, {2}, {3}},
     {{0}, {1}, {2}, {3}},
     {{0, 1, 2, 3}}},
};

struct PlacementCase {
  std::string name;
  Placement placement;
  bool expert;     // axis 0 is split over the expert ranks
  int model_axis;  // split over the model ranks; -1: none
};

const std::vector<PlacementCase> kPlacements{
    {"replicated", Placement::replicated(), false, -1},
    {"expert", Placement::expert(), true, -1},
    {"model 0", Placement::model(0), false, 0},
    {"model 1", Placement::model(1), false, 1},
    {"model 2", Placement::model(2), false, 2},
    {"expert and model 1", Placement::expert_and_model(1), true, 1},
    {"expert and model 2", Placement::expert_and_model(2), true, 2},
};

const Shape kShape{4, 8, 36};

// Calls check(mesh, placement) for each pair.
template <class Check>
void for_each_case(const Check& check) {
  for (const MeshCase& mesh : kMeshes) {
    for (const PlacementCase& placement : kPlacements) {
      CAPTURE(mesh.name, placement.name);
      check(mesh, placement);
    }
  }
}

Slab expected_slab(const MeshCase& mesh, const PlacementCase& placement, int rank) {
  Slab slab{{0, 0, 0}, kShape};
  const auto r = static_cast<size_t>(rank);
  if (placement.expert) {
    slab.extent[0] = 4 / mesh.shape.expert;
    slab.offset[0] = mesh.expert_rank[r] * slab.extent[0];
  }
  const int axis = placement.model_axis;
  if (axis >= 0) {
    slab.extent[axis] = kShape[axis] / mesh.shape.model;
    slab.offset[axis] = mesh.model_rank[r] * slab.extent[axis];
  }
  return slab;
}

const Ranks& group_with(const Groups& groups, int rank) {
  for (const Ranks& group : groups) {
    if (std::ranges::count(group, rank) > 0) return group;
  }
  FAIL("no group has rank " << rank);
  return groups.front();
}

// 1 for elements in the slab, else 0.
std::vector<double> mark(const Slab& slab) {
  std::vector<double> marks(static_cast<size_t>(kShape.numel()));
  for (int64_t i = 0; i < slab.extent[0]; ++i) {
    for (int64_t j = 0; j < slab.extent[1]; ++j) {
      for (int64_t k = 0; k < slab.extent[2]; ++k) {
        const int64_t row = (slab.offset[0] + i) * kShape[1] + slab.offset[1] + j;
        marks[static_cast<size_t>(row * kShape[2] + slab.offset[2] + k)] += 1;
      }
    }
  }
  return marks;
}

TEST_CASE("placement: a rank's coordinates", "[placement]") {
  for (const MeshCase& mesh : kMeshes) {
    for (int rank = 0; rank < mesh.shape.ranks; ++rank) {
      CAPTURE(mesh.name, rank);
      const MeshPlace place{mesh.shape, rank};
      CHECK(place.expert_rank() == mesh.expert_rank[static_cast<size_t>(rank)]);
      CHECK(place.model_rank() == mesh.model_rank[static_cast<size_t>(rank)]);
      CHECK(group_with(mesh.data, rank)[static_cast<size_t>(place.data_rank())] == rank);
      CHECK(group_with(mesh.replicas, rank)[static_cast<size_t>(place.replica())] == rank);
      CHECK(ranks_along(MeshAxis::expert, place) == group_with(mesh.expert, rank));
      CHECK(ranks_along(MeshAxis::model, place) == group_with(mesh.model, rank));
    }
  }
}

TEST_CASE("placement: the slab of every rank", "[placement]") {
  for_each_case([](const MeshCase& mesh, const PlacementCase& test) {
    for (int rank = 0; rank < mesh.shape.ranks; ++rank) {
      CAPTURE(rank);
      const Slab slab = test.placement.slab(kShape, {mesh.shape, rank});
      CHECK(slab == expected_slab(mesh, test, rank));
    }
  });
  // A few cases in full.
  const MeshPlace sixth{{8, 2, 2}, 6}, last{{4, 4, 1}, 3};
  CHECK(Placement::replicated().slab(kShape, sixth) == Slab{{0, 0, 0}, {4, 8, 36}});
  CHECK(Placement::expert().slab(kShape, sixth) == Slab{{2, 0, 0}, {2, 8, 36}});
  CHECK(Placement::expert_and_model(2).slab(kShape, {{8, 2, 2}, 7}) ==
        Slab{{2, 0, 18}, {2, 8, 18}});
  CHECK(Placement::model(1).slab(kShape, last) == Slab{{0, 6, 0}, {4, 2, 36}});
  CHECK(Placement::model(0).slab({8}, last) == Slab{{6}, {2}});
}

TEST_CASE("placement: gradients are summed over the same slab's data ranks", "[placement]") {
  for_each_case([](const MeshCase& mesh, const PlacementCase& test) {
    for (int rank = 0; rank < mesh.shape.ranks; ++rank) {
      CAPTURE(rank);
      const Ranks expected = group_with(test.expert ? mesh.replicas : mesh.data, rank);
      const Ranks ranks = reduction_ranks(test.placement.axes(), {mesh.shape, rank});
      CHECK(ranks == expected);
      for (const int other : ranks) {
        CHECK(test.placement.slab(kShape, {mesh.shape, other}) ==
              test.placement.slab(kShape, {mesh.shape, rank}));
      }
    }
  });
}

TEST_CASE("placement: a norm counts each element once on every rank", "[placement]") {
  for_each_case([](const MeshCase& mesh, const PlacementCase& test) {
    std::vector<std::vector<double>> sums;
    for (int rank = 0; rank < mesh.shape.ranks; ++rank) {
      sums.push_back(mark(test.placement.slab(kShape, {mesh.shape, rank})));
    }
    for (const MeshAxis axis : {MeshAxis::expert, MeshAxis::model}) {
      if (!test.placement.axes().has(axis)) continue;
      const auto before = sums;
      for (int rank = 0; rank < mesh.shape.ranks; ++rank) {
        std::vector<double>& sum = sums[static_cast<size_t>(rank)];
        std::ranges::fill(sum, 0);
        for (const int other : ranks_along(axis, {mesh.shape, rank})) {
          const std::vector<double>& part = before[static_cast<size_t>(other)];
          std::ranges::transform(sum, part, sum.begin(), std::plus());
        }
      }
    }
    for (const std::vector<double>& sum : sums) {
      CHECK(sum == std::vector<double>(static_cast<size_t>(kShape.numel()), 1.0));
    }
  });
}

TEST_CASE("placement: one rank writes each slab, and holders take turns", "[placement]") {
  for_each_case([](const MeshCase& mesh, const PlacementCase& test) {
    const MeshAxes axes = test.placement.axes();
    std::map<int, int> written;  // tensors by rank
    for (int64_t number = 0; number < 3 * mesh.shape.ranks; ++number) {
      std::vector<double> marks(static_cast<size_t>(kShape.numel()));
      for (int rank = 0; rank < mesh.shape.ranks; ++rank) {
        const MeshPlace place{mesh.shape, rank};
        if (!writes(axes, place, number)) continue;
        ++written[rank];
        const std::vector<double> part = mark(test.placement.slab(kShape, place));
        std::ranges::transform(marks, part, marks.begin(), std::plus());
      }
      CHECK(marks == std::vector<double>(marks.size(), 1.0));
    }
    for (int rank = 0; rank < mesh.shape.ranks; ++rank) CHECK(written[rank] == written[0]);
  });
}

TEST_CASE("placement: who writes on a mesh without model ranks", "[placement]") {
  const MeshShape mesh{4, 1, 2};
  const auto writers = [&](const Placement& placement, int64_t number) {
    Ranks ranks;
    for (int rank = 0; rank < 4; ++rank) {
      if (writes(placement.axes(), {mesh, rank}, number)) ranks.push_back(rank);
    }
    return ranks;
  };
  CHECK(writers(Placement::replicated(), 0) == Ranks{0});
  CHECK(writers(Placement::replicated(), 3) == Ranks{3});
  CHECK(writers(Placement::replicated(), 5) == Ranks{1});
  CHECK(writers(Placement::expert(), 6) == Ranks{0, 1});
  CHECK(writers(Placement::expert(), 7) == Ranks{2, 3});
}

TEST_CASE("placement: a slab's draws are the whole tensor's", "[placement]") {
  const RandomKey key{5, 0, 17};
  const auto kind = GENERATE(Init::Kind::ones, Init::Kind::normal, Init::Kind::truncated_normal);
  const Init init{kind, 0.5};
  Owned whole(DType::f32, kShape);
  fill_initial_values(whole, init, key, kShape, Slab::whole(kShape));
  for_each_case([&](const MeshCase& mesh, const PlacementCase& test) {
    for (int rank = 0; rank < mesh.shape.ranks; ++rank) {
      CAPTURE(rank);
      const Slab slab = test.placement.slab(kShape, {mesh.shape, rank});
      Owned part(DType::f32, slab.extent);
      fill_initial_values(part, init, key, kShape, slab);
      std::vector<float> expected;
      const std::vector<double> marks = mark(slab);
      for (size_t i = 0; i < marks.size(); ++i) {
        if (marks[i] > 0) expected.push_back(whole.data<float>()[i]);
      }
      const float* drawn = part.data<float>();
      CHECK(std::vector<float>(drawn, drawn + slab.numel()) == expected);
    }
  });
}

TEST_CASE("placement: a stack of experts is carried one by one", "[placement]") {
  CHECK(Placement::replicated().slices({4, 8}) == 1);
  CHECK(Placement::model(0).slices({4, 8}) == 1);
  CHECK(Placement::expert().slices({4, 8}) == 4);
  CHECK(Placement::expert_and_model(1).slices({4, 8}) == 4);
  CHECK(Placement::model(1).slice_shape({4, 8}) == Shape{4, 8});
  CHECK(Placement::expert_and_model(1).slice_shape({4, 8}) == Shape{8});
}

TEST_CASE("placement: what is left of one", "[placement]") {
  const Placement both = Placement::expert_and_model(2);
  CHECK(both.axes() == MeshAxes{MeshAxis::expert, MeshAxis::model});
  CHECK(both.only(MeshAxis::expert) == Placement::expert());
  CHECK(both.only(MeshAxis::model) == Placement::model(2));
  CHECK(Placement::model(0).only(MeshAxis::expert) == Placement::replicated());
}

TEST_CASE("placement: cuts that do not come out even, or of no axis", "[placement]") {
  CHECK_THROWS_AS(Placement::expert().slab({3, 8}, {{2, 1, 2}, 0}), InternalError);
  CHECK_THROWS_AS(Placement::model(1).slab({8, 6}, {{4, 4, 1}, 0}), InternalError);
  CHECK_THROWS_AS(Placement::model(2).slab({8, 8}, {{2, 2, 1}, 0}), InternalError);
  CHECK_THROWS_AS(Placement::model(-1), InternalError);
  CHECK_THROWS_AS(Placement::expert_and_model(0), InternalError);
}

TEST_CASE("placement: a slab's elements in the whole tensor", "[placement]") {
  const Slab slab{{2, 0, 3}, {1, 2, 2}};
  std::vector<int64_t> elements;
  for (int64_t i = 0; i < 4; ++i) elements.push_back(index_in_whole(slab, {3, 2, 5}, i));
  CHECK(elements == std::vector<int64_t>{23, 24, 28, 29});
}

}  // namespace
}  // namespace sy
