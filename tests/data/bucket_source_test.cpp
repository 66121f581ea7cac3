// SPDX-License-Identifier: Apache-2.0
#include "lib/data/bucket_source.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "lib/base/error.h"
#include "lib/data/loader.h"
#include "tests/data/numbered_source.h"

namespace sy {
namespace {
using namespace test;

constexpr ExampleLengths kLongest{41, 12};
constexpr int64_t kBatches = 6, kStreamsOfRun = 4, kEach = 3;
constexpr int64_t kWindow = kBatches * kEach;  // examples of a stream

LoaderPlace place_of(int64_t first, int64_t count) {
  LoaderPlace place;
  place.first_stream = first;
  place.num_streams = count;
  place.total_streams = kStreamsOfRun;
  place.examples_per_stream = kEach;
  return place;
}

std::unique_ptr<Loader> bucket_loader(const LoaderPlace& place, int64_t threads = 2,
                                      int64_t batches = kBatches, uint64_t seed = 5,
                                      const ExampleLengths& lengths = kLongest) {
  auto sources =
      bucket_sources(std::make_unique<NumberedSources>(false), place, batches, seed, lengths);
  return std::make_unique<Loader>(std::move(sources), place, threads, 2);
}

bool same(const Example& a, const Example& b) {
  return a.index == b.index && a.stream == b.stream && a.part == b.part && a.inputs == b.inputs &&
         a.targets == b.targets && a.input_ends.empty() && b.input_ends.empty();
}

int64_t number_of(const Example& example) {
  return example.inputs[0] - 1000 * example.stream;
}

int64_t tokens_of(const Example& example) {
  return std::ssize(example.inputs) + std::ssize(example.targets);
}

// The numbers of a stream's window, by length and then in order.
std::vector<int64_t> sorted_window(int64_t stream, int64_t window) {
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < kWindow; ++i) numbers.push_back(window * kWindow + i);
  std::sort(numbers.begin(), numbers.end(), [&](int64_t a, int64_t b) {
    const int64_t of_a = tokens_of(example_of(stream, a)), of_b = tokens_of(example_of(stream, b));
    return of_a != of_b ? of_a < of_b : a < b;
  });
  return numbers;
}

TEST_CASE("bucket source: a batch is one class of length of every stream", "[bucket_source]") {
  const LoaderPlace place = place_of(0, kStreamsOfRun);
  const auto loader = bucket_loader(place);
  std::set<std::vector<int64_t>> orders;
  for (int64_t window = 0; window < 5; ++window) {
    std::vector<int64_t> order;
    for (int64_t batch = 0; batch < kBatches; ++batch) {
      const std::vector<Example>& examples = loader->next();
      const std::vector<int64_t> first = sorted_window(0, window);
      const auto at = std::find(first.begin(), first.end(), number_of(examples[0]));
      REQUIRE(at != first.end());
      order.push_back((at - first.begin()) / kEach);
      for (size_t i = 0; i < examples.size(); ++i) {
        const auto stream = static_cast<int64_t>(i) / kEach, own = static_cast<int64_t>(i) % kEach;
        const auto place_in_window = static_cast<size_t>(order.back() * kEach + own);
        const Example wanted = example_of(stream, sorted_window(stream, window)[place_in_window]);
        CHECK(examples[i].inputs == wanted.inputs);
        CHECK(examples[i].targets == wanted.targets);
        CHECK(examples[i].part == wanted.part);
        CHECK(examples[i].index ==
              place.example_index(stream, (window * kBatches + batch) * kEach + own));
      }
    }
    orders.insert(order);
    std::sort(order.begin(), order.end());
    for (int64_t i = 0; i < kBatches; ++i) CHECK(order[static_cast<size_t>(i)] == i);
  }
  CHECK(orders.size() == 5);
}

TEST_CASE("bucket source: the seed draws the order", "[bucket_source]") {
  const auto one = bucket_loader(place_of(0, 1)), other = bucket_loader(place_of(0, 1), 1, 6, 6);
  bool differ = false;
  for (int batch = 0; batch < 12; ++batch) {
    differ = !same(one->next()[0], other->next()[0]) || differ;
  }
  CHECK(differ);
}

TEST_CASE("bucket source: batches are the same on any mesh and with any threads",
          "[bucket_source]") {
  const auto whole = bucket_loader(place_of(0, 4), 3), half = bucket_loader(place_of(2, 2), 1);
  for (int batch = 0; batch < 20; ++batch) {
    const std::vector<Example>&all = whole->next(), &own = half->next();
    REQUIRE(own.size() == 2 * kEach);
    for (size_t i = 0; i < own.size(); ++i) CHECK(same(own[i], all[2 * kEach + i]));
  }
}

std::vector<StreamState> as_saved(const Loader& loader) {
  std::vector<StreamState> states;
  for (const StreamState& state : loader.state()) {
    states.push_back(parse_stream_state(serialize(state), "a test"));
  }
  return states;
}

TEST_CASE("bucket source: a restored loader goes on exactly", "[bucket_source]") {
  // At the beginning, within a window, at its end, and within a later one.
  const int before = GENERATE(0, 4, 6, 15);
  const auto first = bucket_loader(place_of(0, 4));
  for (int batch = 0; batch < before; ++batch) first->next();
  const auto second = bucket_loader(place_of(0, 4));
  second->restore(as_saved(*first));
  for (int batch = 0; batch < 20; ++batch) {
    const std::vector<Example>&wanted = first->next(), &examples = second->next();
    for (size_t i = 0; i < examples.size(); ++i) CHECK(same(examples[i], wanted[i]));
  }
}

TEST_CASE("bucket source: with other windows, the one at hand is used up first",
          "[bucket_source]") {
  const auto first = bucket_loader(place_of(0, 4));
  for (int batch = 0; batch < 4; ++batch) first->next();
  const auto second = bucket_loader(place_of(0, 4), 2, /*batches=*/2);
  second->restore(as_saved(*first));
  for (int batch = 4; batch < kBatches; ++batch) {
    CHECK(same(second->next()[0], first->next()[0]));
  }
  std::multiset<int64_t> numbers;
  for (int batch = 0; batch < 2; ++batch) {
    const std::vector<Example>& examples = second->next();
    for (int64_t i = 0; i < kEach; ++i) numbers.insert(number_of(examples[static_cast<size_t>(i)]));
  }
  std::multiset<int64_t> wanted;
  for (int64_t i = 0; i < 2 * kEach; ++i) wanted.insert(kWindow + i);
  CHECK(numbers == wanted);
}

TEST_CASE("bucket source: positions that do not fit", "[bucket_source]") {
  const auto first = bucket_loader(place_of(0, 4));
  first->next();
  const std::vector<StreamState> states = first->state();
  const ExampleLengths shorter = GENERATE(ExampleLengths{20, 12}, ExampleLengths{41, 6});
  CHECK_THROWS_AS(bucket_loader(place_of(0, 4), 1, kBatches, 5, shorter)->restore(states),
                  DataError);
  std::vector<StreamState> cut = states;
  cut[1].tokens.pop_back();
  CHECK_THROWS_AS(bucket_loader(place_of(0, 4))->restore(cut), DataError);
  cut = states;
  cut[1].numbers.clear();
  CHECK_THROWS_AS(bucket_loader(place_of(0, 4))->restore(cut), DataError);
  cut = states;
  cut[0].kind = "packed";
  CHECK_THROWS_AS(bucket_loader(place_of(0, 4))->restore(cut), DataError);
}

}  // namespace
}  // namespace sy
