// SPDX-License-Identifier: Apache-2.0
#include "lib/data/stream_state.h"

#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "tests/data/support.h"

namespace sy {
namespace {
using namespace test;

Document document(std::vector<int32_t> ids) {
  return make_document(ids);
}

StreamState sample() {
  StreamState state;
  state.kind = "reading";
  state.stream = 3;
  state.examples = 12;
  state.numbers = {7, (int64_t{1} << 40) + 5, 0x1FFFFFFFF};
  state.tokens = {4, 5, 6};
  state.buffers = {{document({9}), document({8, 7, 32099})}, {}};
  return state;
}

// Of a source that is made of two others.
StreamState mixed() {
  StreamState state;
  state.kind = "mixture";
  state.examples = 40;
  state.parts = {sample(), sample()};
  state.parts[1].kind = "writing";
  state.parts[1].buffers[1] = {document({5, 6})};
  return state;
}

void check_equal(const StreamState& a, const StreamState& b) {
  CHECK(a.kind == b.kind);
  CHECK(a.stream == b.stream);
  CHECK(a.examples == b.examples);
  CHECK(a.numbers == b.numbers);
  CHECK(a.tokens == b.tokens);
  REQUIRE(a.buffers.size() == b.buffers.size());
  for (size_t i = 0; i < a.buffers.size(); ++i) {
    REQUIRE(a.buffers[i].size() == b.buffers[i].size());
    for (size_t j = 0; j < a.buffers[i].size(); ++j) {
      CHECK(*a.buffers[i][j] == *b.buffers[i][j]);
    }
  }
  REQUIRE(a.parts.size() == b.parts.size());
  for (size_t i = 0; i < a.parts.size(); ++i) check_equal(a.parts[i], b.parts[i]);
}

TEST_CASE("stream_state: comes back as it was", "[stream_state]") {
  check_equal(parse_stream_state(serialize(sample()), "x"), sample());
  check_equal(parse_stream_state(serialize(mixed()), "x"), mixed());
  check_equal(parse_stream_state(serialize(StreamState{}), "x"), StreamState{});
}

TEST_CASE("stream_state: one of another version is refused in one sentence", "[stream_state]") {
  std::vector<int32_t> values = serialize(sample());
  --values[1];
  const std::string message =
      message_of<DataError>([&] { parse_stream_state(values, "stream-00003"); });
  CHECK(message.find("stream-00003") != std::string::npos);
  CHECK(message.find("version 1 ") != std::string::npos);
  CHECK(message.find('\n') == std::string::npos);
}

TEST_CASE("stream_state: garbage is an error that names it", "[stream_state]") {
  const std::vector<int32_t> values = serialize(mixed());
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
  const std::vector<int32_t> values = serialize(mixed());
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

StreamStep step_of_sample() {
  StreamStep step;
  step.examples = 13;
  step.numbers = {8, 1, 2};
  step.tokens = {1};
  step.changes = {{{0, document({5})}, {2, document({6})}, {0, document({7})}}, {}};
  return step;
}

void check_moved(const StreamState& state) {
  CHECK(state.examples == 13);
  CHECK(state.numbers == std::vector<int64_t>{8, 1, 2});
  CHECK(state.tokens == std::vector<int32_t>{1});
  REQUIRE(state.buffers[0].size() == 3);
  CHECK(state.buffers[0][0]->front() == 7);
  CHECK(state.buffers[0][1]->front() == 8);
  CHECK(state.buffers[0][2]->front() == 6);
}

TEST_CASE("stream_state: a step moves a state on", "[stream_state]") {
  StreamState state = sample();
  StreamStep step = step_of_sample();
  apply(step, state);
  check_moved(state);

  StreamState whole = mixed();
  StreamStep of_both;
  of_both.examples = 41;
  of_both.parts = {step_of_sample(), step_of_sample()};
  apply(of_both, whole);
  CHECK(whole.examples == 41);
  for (const StreamState& part : whole.parts) check_moved(part);
}

TEST_CASE("stream_state: the last document takes the place of one that leaves", "[stream_state]") {
  std::vector<Document> buffer = {document({5}), document({6}), document({7})};
  apply_change(BufferChange{0, nullptr}, buffer);
  REQUIRE(buffer.size() == 2);
  CHECK(buffer[0]->front() == 7);
  CHECK(buffer[1]->front() == 6);
  apply_change(BufferChange{1, nullptr}, buffer);
  REQUIRE(buffer.size() == 1);
  CHECK(buffer[0]->front() == 7);
  CHECK_THROWS_AS(apply_change(BufferChange{1, nullptr}, buffer), InternalError);
  CHECK_THROWS_AS(apply_change(BufferChange{2, document({8})}, buffer), InternalError);
}

TEST_CASE("stream_state: one of another source or configuration is refused", "[stream_state]") {
  CHECK_NOTHROW(check_kind(sample(), "reading", 3, 2, 0));
  CHECK(message_of<DataError>([] {
          check_kind(sample(), "writing", 3, 2, 0);
        }).find("'reading', but 'writing'") != std::string::npos);
  CHECK_THROWS_AS(check_kind(sample(), "reading", 4, 2, 0), DataError);
  CHECK_THROWS_AS(check_kind(sample(), "reading", 3, 1, 0), DataError);
  CHECK_THROWS_AS(check_kind(sample(), "reading", 3, 2, 1), DataError);
  CHECK_NOTHROW(check_capacity(sample(), 0, 2, "data.shuffle_buffer"));
  CHECK(message_of<DataError>([] {
          check_capacity(sample(), 0, 1, "data.shuffle_buffer");
        }).find("data.shuffle_buffer (1)") != std::string::npos);
  CHECK_NOTHROW(check_pieces(sample(), 32100));
  CHECK_THROWS_AS(check_pieces(sample(), 32099), DataError);
}

}  // namespace
}  // namespace sy
