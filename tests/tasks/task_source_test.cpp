// SPDX-License-Identifier: Apache-2.0
// The order of the examples of tasks: the same on every mesh and after a resume, each example once
// an epoch, and what is cut or refused.
#include "lib/tasks/task_source.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "lib/base/error.h"
#include "lib/data/loader.h"
#include "lib/tasks/open_examples.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kStreams = 4, kEach = 2;

// Input "NAME i", target "i".
std::string lines(const std::string& name, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += fmt::format(R"({{"input": "{} {}", "target": "{}"}})", name, i, i) + "\n";
  }
  return text;
}

TaskSection task_in(const std::string& folder, const std::string& name, int train, int validation) {
  write_file(folder + "/" + name + ".train", lines(name, train));
  write_file(folder + "/" + name + ".validation", lines(name, validation));
  return {name, "jsonl", {folder + "/" + name + ".train"}, {folder + "/" + name + ".validation"},
          {},   {}};
}

DataSection section_of(std::vector<TaskSection> tasks) {
  DataSection data;
  data.tasks = std::move(tasks);
  data.tokenizer = kByteTokenizer;
  data.encoder_length = 32;
  data.decoder_length = {false, 8};
  data.streams = kStreams;
  return data;
}

std::shared_ptr<const Tokenizer> bytes() {
  static const auto tokenizer = std::make_shared<const Tokenizer>(kByteTokenizer, 100);
  return tokenizer;
}

LoaderPlace place_of(int64_t rank, int64_t ranks, bool single_pass = false) {
  LoaderPlace place;
  place.total_streams = kStreams;
  place.num_streams = kStreams / ranks;
  place.first_stream = place.num_streams * rank;
  place.examples_per_stream = kEach;
  place.single_pass = single_pass;
  return place;
}

std::unique_ptr<Loader> open(const DataSection& data, const LoaderPlace& place, uint64_t seed = 7) {
  return std::make_unique<Loader>(make_task_sources(data, place, seed, bytes()), place, 2, 3);
}

std::string text_of(std::vector<int32_t> ids) {
  REQUIRE(!ids.empty());
  CHECK(ids.back() == bytes()->eos());
  ids.pop_back();
  return bytes()->decode(ids);
}

struct Seen {
  int64_t stream, part;
  std::string input, target;
  bool operator==(const Seen&) const = default;
};

// By index.
std::map<int64_t, Seen> take(Loader& loader, int64_t batches) {
  std::map<int64_t, Seen> seen;
  for (int64_t i = 0; i < batches; ++i) {
    for (const Example& example : loader.next()) {
      if (example.inputs.empty()) continue;
      const Seen one{example.stream, example.part, text_of(example.inputs),
                     text_of(example.targets)};
      CHECK(seen.emplace(example.index, one).second);
    }
  }
  return seen;
}

std::vector<std::string> inputs_of(const std::map<int64_t, Seen>& seen, int64_t stream) {
  std::vector<std::string> inputs;
  for (const auto& [index, one] : seen) {
    if (one.stream == stream) inputs.push_back(one.input);
  }
  return inputs;
}

TEST_CASE("task_source: each epoch has every example of a stream once, in another order",
          "[task_source]") {
  const DataSection data = section_of({task_in(temporary_folder(), "one", 40, 0)});
  const auto seen = take(*open(data, place_of(0, 1)), 15);  // 30 examples of each stream's 10
  for (int64_t stream = 0; stream < kStreams; ++stream) {
    const std::vector<std::string> inputs = inputs_of(seen, stream);
    std::set<std::string> expected;
    for (int64_t i = stream; i < 40; i += kStreams) expected.insert(fmt::format("one {}", i));
    std::set<std::vector<std::string>> orders;
    for (auto begin = inputs.begin(); begin != inputs.end(); begin += 10) {
      orders.emplace(begin, begin + 10);
      CHECK(std::set<std::string>(begin, begin + 10) == expected);
    }
    CHECK(orders.size() == 3);
  }
  for (const auto& [index, one] : seen) CHECK(one.input == "one " + one.target);
  CHECK(inputs_of(seen, 0) != inputs_of(take(*open(data, place_of(0, 1), 8), 15), 0));
}

TEST_CASE("task_source: any number of ranks gives the same examples", "[task_source]") {
  const std::string folder = temporary_folder();
  const DataSection data = section_of({task_in(folder, "one", 37, 0), task_in(folder, "two", 11, 0),
                                       task_in(folder, "three", 2, 0)});  // fewer than streams
  const auto expected = take(*open(data, place_of(0, 1)), 40);
  std::set<int64_t> parts;
  for (const auto& [index, one] : expected) parts.insert(one.part);
  CHECK(parts == std::set<int64_t>{0, 1, 2});
  for (const int64_t ranks : {2, 4}) {
    std::map<int64_t, Seen> joined;
    for (int64_t rank = 0; rank < ranks; ++rank) {
      joined.merge(take(*open(data, place_of(rank, ranks)), 40));
    }
    CHECK(joined == expected);
  }
}

TEST_CASE("task_source: goes on from a saved state on another mesh", "[task_source]") {
  const int64_t before = GENERATE(0, 1, 7, 33);
  const std::string folder = temporary_folder();
  const DataSection data =
      section_of({task_in(folder, "one", 37, 0), task_in(folder, "two", 11, 0)});
  const auto straight = open(data, place_of(0, 1));
  take(*straight, before);
  std::vector<StreamState> saved;
  for (const StreamState& state : straight->state()) {
    CHECK(serialize(state).size() < 100);
    saved.push_back(parse_stream_state(serialize(state), "x"));
  }
  const auto expected = take(*straight, 20);
  std::map<int64_t, Seen> joined;
  for (int64_t rank = 0; rank < 2; ++rank) {
    const auto resumed = open(data, place_of(rank, 2));
    resumed->restore(
        {saved[static_cast<size_t>(2 * rank)], saved[static_cast<size_t>(2 * rank + 1)]});
    joined.merge(take(*resumed, 20));
  }
  CHECK(joined == expected);

  write_file(folder + "/two.train", lines("two", 12));
  CHECK_THAT(message_of<DataError>([&] { open(data, place_of(0, 1))->restore(saved); }),
             Catch::Contains("had 11 training examples and has 12 now"));
}

TEST_CASE("task_source: a single pass takes each validation example once, of the tasks in turn",
          "[task_source]") {
  const std::string folder = temporary_folder();
  const DataSection data = section_of({task_in(folder, "one", 1, 5), task_in(folder, "two", 1, 2)});
  std::vector<std::string> inputs;
  for (const auto& [index, one] : take(*open(data, place_of(0, 1, true)), 4)) {
    inputs.push_back(one.input);
    CHECK(one.part == (one.input.starts_with("two") ? 1 : 0));
  }
  std::sort(inputs.begin(), inputs.end());
  CHECK(inputs ==
        std::vector<std::string>{"one 0", "one 1", "one 2", "one 3", "one 4", "two 0", "two 1"});
  const auto first = take(*open(data, place_of(0, 1, true)), 1);
  CHECK(inputs_of(first, 0) == std::vector<std::string>{"one 0", "one 2"});
  CHECK(inputs_of(first, 1) == std::vector<std::string>{"two 0", "one 3"});
}

TEST_CASE("task_source: what is longer than the model reads is cut before eos", "[task_source]") {
  DataSection data = section_of({task_in(temporary_folder(), "one", 12, 0)});
  data.encoder_length = 6;
  data.decoder_length = {false, 2};
  const auto seen = take(*open(data, place_of(0, 1)), 3);
  for (const auto& [index, one] : seen) {
    CHECK(one.input.size() == 5);  // of "one 10" too
    CHECK(one.target.size() == 1);
  }
}

TEST_CASE("task_source: faults name the task, its files and a remedy", "[task_source]") {
  const std::string folder = temporary_folder();
  TaskSection task = task_in(folder, "one", 3, 0);
  const auto data_fault = [&](const std::string& text) {
    write_file(task.train[0], text);
    return message_of<DataError>([&] { open(section_of({task}), place_of(0, 1)); });
  };
  CHECK_THAT(data_fault(R"({"input": "a", "target": ""})"),
             Catch::Contains(task.train[0] + ":1: the target is empty"));
  CHECK_THAT(data_fault("{\"input\": \"a\", \"target\": \"b\"}\n{\"input\": \"a\"}\n"),
             Catch::Contains(task.train[0] + ":2: "));
  CHECK_THAT(data_fault("{\"input\": \"a\", \"target\": \"b\"}\nno\n"), Catch::Contains(":2: "));
  CHECK(!data_fault("").empty());

  write_file(task.train[0], lines("one", 3));
  const auto config_fault = [&] {
    return message_of<ConfigError>([&] { open(section_of({task}), place_of(0, 1)); });
  };
  task.rate = {false, 0.0};
  CHECK_THAT(config_fault(), Catch::Contains("0"));
  task.form = "jsonk";
  CHECK_THAT(config_fault(), Catch::Contains("jsonk") && Catch::Contains("did you mean jsonl?"));
  task.form = "jsonl";
  task.metrics = {"exact_mach"};
  CHECK_THAT(message_of<ConfigError>([&] { metrics_of(task); }),
             Catch::Contains("did you mean exact_match?"));
}

}  // namespace
}  // namespace sy
