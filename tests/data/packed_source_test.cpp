// SPDX-License-Identifier: Apache-2.0
#include "lib/data/packed_source.h"

#include <catch2/catch.hpp>
#include <map>

#include "lib/base/error.h"
#include "lib/data/loader.h"
#include "tests/data/numbered_source.h"

namespace sy {
namespace {
using namespace test;

constexpr ExampleLengths kRow{64, 24};

LoaderPlace place_of(int64_t first, int64_t count, bool single_pass = false) {
  LoaderPlace place;
  place.first_stream = first;
  place.num_streams = count;
  place.total_streams = 4;
  place.examples_per_stream = 2;
  place.single_pass = single_pass;
  return place;
}

std::unique_ptr<Loader> packed_loader(const LoaderPlace& place,
                                      const ExampleLengths& lengths = kRow) {
  auto sources = pack_sources(std::make_unique<NumberedSources>(place.single_pass), place, lengths);
  return std::make_unique<Loader>(std::move(sources), place, 2, 2);
}

bool same(const Example& a, const Example& b) {
  return a.index == b.index && a.stream == b.stream && a.part == b.part && a.inputs == b.inputs &&
         a.targets == b.targets && a.input_ends == b.input_ends && a.target_ends == b.target_ends;
}

// The numbers of a row's examples, each of which must be whole.
std::vector<int64_t> numbers_in(const Example& row) {
  REQUIRE(std::ssize(row.inputs) <= kRow.inputs);
  REQUIRE(std::ssize(row.targets) <= kRow.targets);
  REQUIRE(row.input_ends.size() == row.target_ends.size());
  std::vector<int64_t> numbers;
  int32_t input = 0, target = 0;
  for (size_t i = 0; i < row.input_ends.size(); ++i) {
    const auto first = row.inputs.begin(), first_target = row.targets.begin();
    numbers.push_back(first[input] - 1000 * row.stream);
    const Example whole = example_of(row.stream, numbers.back());
    CHECK(std::vector(first + input, first + row.input_ends[i]) == whole.inputs);
    CHECK(std::vector(first_target + target, first_target + row.target_ends[i]) == whole.targets);
    input = row.input_ends[i];
    target = row.target_ends[i];
  }
  if (numbers.empty()) return {};
  CHECK(row.part == example_of(row.stream, numbers[0]).part);
  CHECK(input == std::ssize(row.inputs));
  CHECK(target == std::ssize(row.targets));
  return numbers;
}

TEST_CASE("packed source: first fit into a bounded number of rows", "[packed_source]") {
  const LoaderPlace place = place_of(0, 4);
  auto source = pack_sources(std::make_unique<NumberedSources>(false), place, kRow)->open(2);
  // The definition: the rows that are open, with their sums, and the examples in each.
  struct Open {
    int64_t inputs, targets;
    std::vector<int64_t> numbers;
  };
  std::vector<Open> open;
  int64_t taken = 0, used = 0;
  for (int64_t row = 0; row < 100; ++row) {
    while (open.size() <= kOpenRows) {
      const Example next = example_of(2, taken);
      size_t at = 0;
      while (at < open.size() && (open[at].inputs + std::ssize(next.inputs) > kRow.inputs ||
                                  open[at].targets + std::ssize(next.targets) > kRow.targets)) {
        ++at;
      }
      if (at == open.size()) open.push_back({});
      open[at].inputs += std::ssize(next.inputs);
      open[at].targets += std::ssize(next.targets);
      open[at].numbers.push_back(taken++);
    }
    Example example;
    source->next(example);
    CHECK(numbers_in(example) == open.front().numbers);
    CHECK(example.index == place.example_index(2, row));
    used += std::ssize(example.inputs);
    open.erase(open.begin());
  }
  CHECK(used > 100 * kRow.inputs * 8 / 10);
}

TEST_CASE("packed source: a single pass gives every example once", "[packed_source]") {
  const auto loader = packed_loader(place_of(0, 4, true));
  std::map<std::pair<int64_t, int64_t>, int> seen;
  bool ended = false;
  while (!ended) {
    ended = true;
    for (const Example& row : loader->next()) {
      for (const int64_t number : numbers_in(row)) ++seen[{row.stream, number}];
      ended = ended && row.inputs.empty();
    }
  }
  CHECK(seen.size() == 4 * kInPass);
  for (const auto& [example, times] : seen) CHECK(times == 1);
}

TEST_CASE("packed source: rows are the same on any mesh", "[packed_source]") {
  const auto whole = packed_loader(place_of(0, 4)), half = packed_loader(place_of(2, 2));
  for (int batch = 0; batch < 20; ++batch) {
    const std::vector<Example>&all = whole->next(), &own = half->next();
    REQUIRE(own.size() == 4);
    for (size_t i = 0; i < own.size(); ++i) CHECK(same(own[i], all[4 + i]));
  }
}

TEST_CASE("packed source: a restored loader goes on exactly", "[packed_source]") {
  const bool single_pass = GENERATE(false, true);
  const auto first = packed_loader(place_of(0, 4, single_pass));
  for (int batch = 0; batch < 7; ++batch) first->next();
  std::vector<StreamState> states;
  for (const StreamState& state : first->state()) {
    states.push_back(parse_stream_state(serialize(state), "a test"));
  }
  const auto second = packed_loader(place_of(0, 4, single_pass));
  second->restore(states);
  for (int batch = 0; batch < 20; ++batch) {
    const std::vector<Example>&wanted = first->next(), &rows = second->next();
    for (size_t i = 0; i < rows.size(); ++i) CHECK(same(rows[i], wanted[i]));
  }
}

TEST_CASE("packed source: positions and examples that do not fit", "[packed_source]") {
  const auto first = packed_loader(place_of(0, 4));
  first->next();
  const std::vector<StreamState> states = first->state();
  const ExampleLengths shorter = GENERATE(ExampleLengths{60, 24}, ExampleLengths{64, 20});
  CHECK_THROWS_AS(packed_loader(place_of(0, 4), shorter)->restore(states), DataError);
  std::vector<StreamState> cut = states;
  cut[1].tokens.pop_back();
  CHECK_THROWS_AS(packed_loader(place_of(0, 4))->restore(cut), DataError);
  cut = states;
  cut[1].numbers.pop_back();
  CHECK_THROWS_AS(packed_loader(place_of(0, 4))->restore(cut), DataError);
  cut = states;
  cut[1].kind = "numbered";
  CHECK_THROWS_AS(packed_loader(place_of(0, 4))->restore(cut), DataError);
  CHECK_THROWS_AS(packed_loader(place_of(0, 4), {30, 24})->next(), InternalError);
}

}  // namespace
}  // namespace sy
