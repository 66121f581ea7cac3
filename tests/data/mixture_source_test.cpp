// SPDX-License-Identifier: Apache-2.0
#include "lib/data/mixture_source.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "lib/base/error.h"
#include "lib/data/loader.h"
#include "tests/data/support.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kStreams = 8, kEach = 2;

// Part p gives inputs {p, stream, number}, and `length` of them in a single pass.
class Counted : public ExampleSource {
 public:
  Counted(int32_t part, const LoaderPlace& place, int64_t length, int64_t stream)
      : part_(part), place_(place), length_(length), stream_(stream) {}

  void next(Example& example) override {
    example.index = place_.example_index(stream_, number_);
    example.stream = stream_;
    example.targets = {1};
    example.inputs = {part_, narrow(stream_), narrow(number_++)};
    if (place_.single_pass && number_ > length_) example.inputs.clear();
  }
  StreamState state() const override { return {"counted", stream_, number_, {}, {}, {}, {}}; }
  void take_step(StreamStep& step) override { step.examples = number_; }
  void restore(const StreamState& state) override {
    check_kind(state, "counted", 0, 0, 0);
    number_ = state.examples;
  }

 private:
  static int32_t narrow(int64_t value) { return static_cast<int32_t>(value); }

  int32_t part_;
  LoaderPlace place_;
  int64_t length_, stream_, number_ = 0;
};

class CountedSources : public ExampleSources {
 public:
  CountedSources(int32_t part, const LoaderPlace& place) : part_(part), place_(place) {}
  std::unique_ptr<ExampleSource> open(int64_t stream) override {
    return std::make_unique<Counted>(part_, place_, part_ + stream % 2, stream);
  }
  DataCounters counters() const override {
    DataCounters counters;
    counters.documents = 1 + part_;
    counters.lost_shards = part_;
    return counters;
  }
  void cancel() override {}

 private:
  int32_t part_;
  LoaderPlace place_;
};

LoaderPlace place_of(int64_t rank = 0, int64_t ranks = 1, bool single_pass = false) {
  const int64_t each = kStreams / ranks;
  return {rank * each, each, kStreams, kEach, single_pass};
}

std::unique_ptr<ExampleSources> mixture(const std::vector<double>& rates, const LoaderPlace& place,
                                        uint64_t seed = 5, const std::string& names = "abcdef") {
  std::vector<MixturePart> parts;
  for (size_t i = 0; i < rates.size(); ++i) {
    parts.push_back({names.substr(i, 1), rates[i],
                     std::make_unique<CountedSources>(static_cast<int32_t>(i), place)});
  }
  return mix_sources(std::move(parts), place, seed);
}

std::vector<Example> take(Loader& loader, int64_t batches) {
  std::vector<Example> examples;
  for (int64_t i = 0; i < batches; ++i) {
    const std::vector<Example>& batch = loader.next();
    examples.insert(examples.end(), batch.begin(), batch.end());
  }
  return examples;
}

std::vector<Example> examples_of(const std::vector<double>& rates, int64_t batches,
                                 const LoaderPlace& place = place_of(), uint64_t seed = 5) {
  Loader loader(mixture(rates, place, seed), place, 2, 3);
  return take(loader, batches);
}

void check_same(const std::vector<Example>& a, const std::vector<Example>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].index == b[i].index);
    CHECK(a[i].part == b[i].part);
    CHECK(a[i].inputs == b[i].inputs);
  }
}

TEST_CASE("mixture: rates are as given, or follow from sizes", "[mixture_source]") {
  const PartSize en{"en", 1e6, {}}, sw{"sw", 1e3, {}}, none{"none", 0, {}};
  const std::vector<PartSize> sizes{en, sw, none};
  CHECK(mixture_rates({1.0, 0.0}, sizes) == std::vector<double>{1e6, 1e3, 0});
  CHECK(mixture_rates({1.0, 5e3}, sizes) == std::vector<double>{5e3, 1e3, 0});
  CHECK(mixture_rates({0.0, 0.0}, sizes) == std::vector<double>{1, 1, 0});
  const std::vector<double> tempered = mixture_rates({0.3, 0.0}, sizes);
  CHECK(tempered[0] / tempered[1] == Approx(std::pow(1000.0, 0.3)));
  const std::vector<PartSize> given{{"en", 1e6, {false, 2}}, {"sw", 1e3, {false, 0}}};
  CHECK(mixture_rates({0.3, 10.0}, given) == std::vector<double>{2, 0});
}

TEST_CASE("mixture: rates that say nothing are refused by the parts' names", "[mixture_source]") {
  const auto message = [](const std::vector<PartSize>& parts) {
    return message_of<ConfigError>([&] { mixture_rates({}, parts); });
  };
  const std::string mixed = message({{"en", 9, {false, 2}}, {"sw", 9, {}}, {"ja", 9, {}}});
  CHECK_THAT(mixed, Catch::Contains("only 1 of the 3 parts") && Catch::Contains("en, sw, ja"));
  const std::string zero = message({{"en", 0, {}}, {"sw", 0, {}}});
  CHECK_THAT(zero, Catch::Contains("en, sw") && Catch::Contains("sum to 0"));
}

// 16,000 draws: each share lies within four standard deviations.
TEST_CASE("mixture: parts are drawn by their rates", "[mixture_source]") {
  const std::vector<double> rates{3, 0, 1, 0.25};
  constexpr int64_t kBatches = 1000;
  std::map<int64_t, int64_t> drawn;
  for (const Example& example : examples_of(rates, kBatches)) {
    CHECK(example.inputs[0] == example.part);
    ++drawn[example.part];
  }
  constexpr double kDraws = kBatches * kStreams * kEach;
  for (size_t part = 0; part < rates.size(); ++part) {
    const double share = rates[part] / 4.25, sigma = std::sqrt(share * (1 - share) / kDraws);
    const double found = static_cast<double>(drawn[static_cast<int64_t>(part)]) / kDraws;
    CHECK(std::abs(found - share) <= 4 * sigma);
  }
}

// Else whole batches would be of one part.
TEST_CASE("mixture: each stream draws by itself", "[mixture_source]") {
  constexpr int64_t kBatches = 50;
  const std::vector<Example> examples = examples_of({1, 1}, kBatches);
  int64_t alike = 0;
  for (int64_t batch = 0; batch < kBatches; ++batch) {
    const auto first = examples.begin() + batch * kStreams * kEach;
    alike += std::all_of(first, first + kStreams * kEach,
                         [&](const Example& each) { return each.part == first->part; });
  }
  CHECK(alike <= 1);  // one batch in 2^15
}

TEST_CASE("mixture: every mesh sees the same examples", "[mixture_source]") {
  const std::vector<double> rates{2, 1, 1};
  const std::vector<Example> expected = examples_of(rates, 20);
  for (size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(expected[i].index == static_cast<int64_t>(i));
  }
  for (const int64_t ranks : {2, 4}) {
    std::vector<Example> joined(expected.size());
    for (int64_t rank = 0; rank < ranks; ++rank) {
      for (Example& example : examples_of(rates, 20, place_of(rank, ranks))) {
        joined.at(static_cast<size_t>(example.index)) = std::move(example);
      }
    }
    check_same(joined, expected);
  }
}

TEST_CASE("mixture: the seed draws, and seeds of parts differ", "[mixture_source]") {
  const auto parts = [](uint64_t seed) {
    std::vector<int64_t> drawn;
    for (const Example& example : examples_of({1, 1}, 4, place_of(), seed)) {
      drawn.push_back(example.part);
    }
    return drawn;
  };
  CHECK(parts(5) == parts(5));
  CHECK(parts(5) != parts(6));
  CHECK(part_seed(5, 0) != part_seed(5, 1));
  CHECK(part_seed(5, 0) != part_seed(6, 0));
}

// Each part of each stream goes on with the number after the last one that was drawn.
TEST_CASE("mixture: goes on from a saved state as if it had not stopped", "[mixture_source]") {
  const std::vector<double> rates{2, 1, 1};
  const LoaderPlace place = place_of();
  Loader straight(mixture(rates, place), place, 1, 2);
  take(straight, 7);
  std::vector<StreamState> saved;
  for (const StreamState& state : straight.state()) {
    saved.push_back(parse_stream_state(serialize(state), "x"));
  }
  const std::vector<Example> expected = take(straight, 9);
  Loader resumed(mixture(rates, place), place, 3, 1);
  resumed.restore(saved);
  check_same(take(resumed, 9), expected);
  Loader other(mixture({1, 1, 2}, place), place, 3, 1);  // other rates are no other mixture
  other.restore(saved);
  CHECK(other.next().front().index == expected.front().index);
}

TEST_CASE("mixture: a position of other parts is refused", "[mixture_source]") {
  const LoaderPlace place = place_of();
  const auto saved = Loader(mixture({1, 1, 1}, place), place, 1, 1).state();
  const auto message = [&](const std::vector<double>& rates, const std::string& names) {
    Loader loader(mixture(rates, place, 5, names), place, 1, 1);
    return message_of<DataError>([&] { loader.restore(saved); });
  };
  CHECK(message({1, 1, 1}, "abc").empty());
  CHECK_THAT(message({1, 1}, "ab"), Catch::Contains("3 parts"));
  CHECK_THAT(message({1, 1, 1, 1}, "abcd"), Catch::Contains("3 parts"));
  CHECK_THAT(message({1, 1, 1}, "abd"), Catch::Contains("part 3 has another name"));
  CHECK_THAT(message({1, 1, 1}, "bac"), Catch::Contains("part 1 has another name"));
}

// Part p has p examples on even streams and p + 1 on odd ones.
TEST_CASE("mixture: a single pass takes the parts one after another", "[mixture_source]") {
  std::map<int64_t, std::vector<int32_t>> parts;
  for (const Example& example : examples_of({1, 5, 0}, 5, place_of(0, 1, true))) {
    if (!example.inputs.empty()) parts[example.stream].push_back(example.inputs[0]);
  }
  for (int64_t stream = 0; stream < kStreams; ++stream) {
    const std::vector<int32_t> even{1, 2, 2}, odd{0, 1, 1, 2, 2, 2};
    CHECK(parts[stream] == (stream % 2 == 0 ? even : odd));
  }
}

TEST_CASE("mixture: counters are those of all parts", "[mixture_source]") {
  const DataCounters counters = mixture({1, 1, 1}, place_of())->counters();
  CHECK(counters.documents == 1 + 2 + 3);
  CHECK(counters.lost_shards == 0 + 1 + 2);
  CHECK(counters.bad() == 0);
}

}  // namespace
}  // namespace sy
