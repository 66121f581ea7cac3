#include "lib/data/stream_state.h"

#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "tests/data/support.h"

namespace sy {
namespace {
using namespace test;

StreamState sample() {
  StreamState state;
  state.stream = 3;
  state.slot = 7;
  state.record = (int64_t{1} << 40) + 5;
  state.draws = 0x1FFFFFFFF;
  state.examples = 12;
  state.leftover = {4, 5, 6};
  state.buffer = {make_document(std::vector<int32_t>{9}),
                  make_document(std::vector<int32_t>{8, 7, 32099})};
  return state;
}

void check_equal(const StreamState& a, const StreamState& b) {
  CHECK(a.stream == b.stream);
  CHECK(a.slot == b.slot);
  CHECK(a.record == b.record);
  CHECK(a.draws == b.draws);
  CHECK(a.examples == b.examples);
  CHECK(a.leftover == b.leftover);
  REQUIRE(a.buffer.size() == b.buffer.size());
  for (size_t i = 0; i < a.buffer.size(); ++i) CHECK(*a.buffer[i] == *b.buffer[i]);
}

TEST_CASE("stream_state: comes back as it was", "[stream_state]") {
  check_equal(parse_stream_state(serialize(sample()), "x"), sample());
  check_equal(parse_stream_state(serialize(StreamState{}), "x"), StreamState{});
}

TEST_CASE("stream_state: garbage is an error that names it", "[stream_state]") {
  const std::vector<int32_t> values = serialize(sample());
  for (size_t size = 0; size < values.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(
        parse_stream_state({values.begin(), values.begin() + static_cast<int64_t>(size)}, "x"),
        DataError);
  }
  std::vector<int32_t> longer = values;
  longer.push_back(0);
  CHECK(message_of<DataError>([&] { parse_stream_state(longer, "streams/3"); }).find("streams/3") !=
        std::string::npos);
}

// What is accepted with a word changed must be what it says it is.
TEST_CASE("stream_state: any changed word is refused or shows", "[stream_state]") {
  const std::vector<int32_t> values = serialize(sample());
  int64_t refused = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    for (const int32_t word : {-1, 0, 1, 2, 1 << 20, INT32_MAX, INT32_MIN}) {
      std::vector<int32_t> changed = values;
      changed[i] = word;
      CAPTURE(i, word);
      try {
        const StreamState state = parse_stream_state(changed, "x");
        CHECK(serialize(state) == changed);
      } catch (const DataError&) {
        ++refused;
      }
    }
  }
  CHECK(refused > 70);
}

TEST_CASE("stream_state: a step moves a state on", "[stream_state]") {
  StreamState state = sample();
  StreamStep step;
  step.slot = 8;
  step.record = 1;
  step.draws = 2;
  step.examples = 13;
  step.leftover = {1};
  step.placed = {{0, make_document(std::vector<int32_t>{5})},
                 {2, make_document(std::vector<int32_t>{6})},
                 {0, make_document(std::vector<int32_t>{7})}};
  apply(step, state);
  CHECK(state.slot == 8);
  CHECK(state.record == 1);
  CHECK(state.draws == 2);
  CHECK(state.examples == 13);
  CHECK(state.leftover == std::vector<int32_t>{1});
  REQUIRE(state.buffer.size() == 3);
  CHECK(state.buffer[0]->front() == 7);
  CHECK(state.buffer[1]->front() == 8);
  CHECK(state.buffer[2]->front() == 6);
}

TEST_CASE("stream_state: one of another configuration is refused", "[stream_state]") {
  CHECK_NOTHROW(check_restorable(sample(), 2, 32100));
  CHECK_THROWS_AS(check_restorable(sample(), 1, 32100), DataError);
  CHECK_THROWS_AS(check_restorable(sample(), 2, 32099), DataError);
}

}  // namespace
}  // namespace sy
