// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/cover.h"

#include <catch2/catch.hpp>

#include "lib/checkpoint/hdf5/read_slab.h"
#include "tests/checkpoint/cuts.h"
#include "tests/checkpoint/support.h"

namespace sy::checkpoint {
namespace {
using namespace test;

// The first element that is not covered exactly once, found by counting.
std::optional<CoverFault> count_cover(const Shape& global, const std::vector<Slab>& slabs) {
  std::vector<int64_t> times(static_cast<size_t>(global.numel()));
  for (const Slab& slab : slabs) {
    for (int64_t i = 0; i < slab.numel(); ++i) {
      ++times[static_cast<size_t>(global_index(slab, global, i))];
    }
  }
  for (int64_t i = 0; i < global.numel(); ++i) {
    if (times[static_cast<size_t>(i)] == 1) continue;
    Shape at = global;
    for (int64_t axis = global.rank() - 1, rest = i; axis >= 0; --axis) {
      at[static_cast<int>(axis)] = rest % global[static_cast<int>(axis)];
      rest /= global[static_cast<int>(axis)];
    }
    return CoverFault{at, times[static_cast<size_t>(i)]};
  }
  return std::nullopt;
}

// Removes, repeats, moves, widens or narrows a slab by one, within the tensor; or nothing.
void spoil(Random& random, const Shape& global, std::vector<Slab>& slabs) {
  const auto which = static_cast<size_t>(draw(random, 0, static_cast<int64_t>(slabs.size()) - 1));
  const int axis = static_cast<int>(draw(random, 0, global.rank() - 1));
  Slab slab = slabs[which];
  switch (draw(random, 0, 5)) {
    case 0:
      slabs.erase(slabs.begin() + static_cast<int64_t>(which));
      return;
    case 1:
      slabs.push_back(slab);
      return;
    case 2:
      slab.offset[axis] += draw(random, 0, 1) == 0 ? 1 : -1;
      break;
    case 3:
      slab.extent[axis] += draw(random, 0, 1) == 0 ? 1 : -1;
      break;
    default:
      return;
  }
  if (lies_within(slab, global)) slabs[which] = slab;
}

TEST_CASE("checkpoint cover: the same as counting every element", "[checkpoint_cover]") {
  Random random(1);
  int64_t sound = 0, gaps = 0, overlaps = 0;
  for (int round = 0; round < 20000; ++round) {
    const Shape global = random_shape(random, 5);
    std::vector<Slab> slabs = random_cut(random, global, 8);
    for (int64_t spoiled = draw(random, 0, 2); spoiled > 0 && !slabs.empty(); --spoiled) {
      spoil(random, global, slabs);
    }
    const auto counted = count_cover(global, slabs);
    const auto found = find_cover_fault(Slab::whole(global), slabs);
    REQUIRE(found.has_value() == counted.has_value());
    if (!found) {
      ++sound;
      continue;
    }
    REQUIRE(found->at == counted->at);
    REQUIRE(found->times == counted->times);
    ++(found->times == 0 ? gaps : overlaps);
  }
  CHECK(sound > 2000);
  CHECK(gaps > 2000);
  CHECK(overlaps > 1000);
}

TEST_CASE("checkpoint cover: cuts that no row of cuts makes", "[checkpoint_cover]") {
  // Four slabs around a middle one.
  const std::vector<Slab> wheel{
      {{0, 0}, {1, 2}}, {{0, 2}, {2, 1}}, {{2, 1}, {1, 2}}, {{1, 0}, {2, 1}}, {{1, 1}, {1, 1}}};
  CHECK_FALSE(find_cover_fault(Slab::whole({3, 3}), wheel));
  const std::vector<Slab> hollow(wheel.begin(), wheel.end() - 1);
  const auto fault = find_cover_fault(Slab::whole({3, 3}), hollow);
  REQUIRE(fault);
  CHECK(describe(*fault) == "no slab holds [1, 1]");
}

TEST_CASE("checkpoint cover: of a part, and of sizes beyond 2^31", "[checkpoint_cover]") {
  const int64_t large = int64_t{1} << 40;
  const Slab part{{large, 3}, {large, 4}};
  CHECK_FALSE(find_cover_fault(part, {{{large, 3}, {large, 1}}, {{large, 4}, {large, 3}}}));
  const auto fault =
      find_cover_fault(part, {{{large, 3}, {large, 1}}, {{large + 1, 4}, {large - 1, 3}}});
  REQUIRE(fault);
  CHECK(describe(*fault) == fmt::format("no slab holds [{}, 4]", large));
}

TEST_CASE("checkpoint cover: a hundred thousand slabs of any cut", "[checkpoint_cover]") {
  constexpr int64_t kRows = 100000;
  std::vector<Slab> rows, columns, grid;
  for (int64_t i = 0; i < kRows; ++i) {
    rows.push_back({{i, 0}, {1, 8}});
    columns.push_back({{0, i}, {8, 1}});
    grid.push_back({{i / 250, i % 250, 0}, {1, 1, 7}});
  }
  // Comparing every pair would take minutes.
  CHECK_FALSE(find_cover_fault(Slab::whole({kRows, 8}), rows));
  CHECK_FALSE(find_cover_fault(Slab::whole({8, kRows}), columns));
  CHECK_FALSE(find_cover_fault(Slab::whole({400, 250, 7}), grid));
  columns[77777].offset[1] += 1;
  const auto fault = find_cover_fault(Slab::whole({8, kRows}), columns);
  REQUIRE(fault);
  CHECK(describe(*fault) == "no slab holds [0, 77777]");
}

TEST_CASE("checkpoint slab runs: as long as both memories allow", "[checkpoint_cover]") {
  const Slab whole = Slab::whole({4, 6, 5}), rows{{1, 0, 0}, {2, 6, 5}},
             block{{1, 2, 0}, {2, 3, 5}}, thin{{1, 2, 1}, {2, 3, 2}};
  CHECK(SlabRuns(whole, whole, whole).length() == 4 * 6 * 5);
  CHECK(SlabRuns(rows, whole, rows).length() == 2 * 6 * 5);
  CHECK(SlabRuns(block, whole, block).length() == 3 * 5);
  CHECK(SlabRuns(block, whole, block).count() == 2);
  CHECK(SlabRuns(thin, thin, whole).length() == 2);
  std::vector<std::pair<int64_t, int64_t>> seen;
  SlabRuns(thin, block, whole).each([&](int64_t to, int64_t from) { seen.emplace_back(to, from); });
  const std::vector<std::pair<int64_t, int64_t>> expected{{1, 41},  {6, 46},  {11, 51},
                                                          {16, 71}, {21, 76}, {26, 81}};
  CHECK(seen == expected);
}

}  // namespace
}  // namespace sy::checkpoint
