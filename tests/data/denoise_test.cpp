// SPDX-License-Identifier: Apache-2.0
// Objectives, checked from the papers' definitions: what an example says about its window, and not
// how it is made.
#include "lib/data/denoise.h"

#include <simdjson.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <numeric>

#include "lib/base/error.h"
#include "lib/data/loader.h"
#include "tests/data/support.h"
#include "tests/support/sample_text.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using Ids = std::vector<int32_t>;

Ids counting(int64_t length) {
  Ids ids(static_cast<size_t>(length));
  std::iota(ids.begin(), ids.end(), 5);
  return ids;
}

ObjectiveOptions options_of(Objective objective, std::vector<Denoiser> denoisers = {}) {
  ObjectiveOptions options;
  options.objective = objective;
  options.denoisers = std::move(denoisers);
  options.extra_ids = 20;
  options.encoder_length = 64;
  return options;
}

Example make(const ObjectiveOptions& options, const Ids& window, int64_t index, uint64_t seed = 3) {
  Example example;
  example.index = index;
  example.inputs = example.targets = {-1};  // to be overwritten
  DenoiserMixture(options, *small_tokenizer(), seed).make(example, window);
  return example;
}

// What Tay et al. (table 1) and Raffel et al. (section 3.1.4) say of an example.
struct Found {
  Ids window;  // put together again
  int64_t noise = 0, spans = 0;
  bool starts_kept = false, ends_masked = false;
};

// Reads a span denoiser's example: sentinel k of the inputs is followed in the targets by span k,
// and every run of kept tokens is one sentinel of the targets.
Found read_spans(Ids inputs, Ids targets) {
  const auto tokenizer = small_tokenizer();
  REQUIRE(inputs.back() == tokenizer->eos());
  REQUIRE(targets.back() == tokenizer->eos());
  inputs.pop_back();
  targets.pop_back();
  std::map<int64_t, Ids> spans;
  int64_t last = -1;
  for (const int32_t id : targets) {
    const int64_t number = tokenizer->sentinel_number(id);
    if (number >= 0) {
      CHECK(number == ++last);
    } else {
      spans[last].push_back(id);
    }
  }
  Found found;
  found.starts_kept = !inputs.empty() && tokenizer->sentinel_number(inputs.front()) < 0;
  found.ends_masked = !inputs.empty() && tokenizer->sentinel_number(inputs.back()) >= 0;
  for (const int32_t id : inputs) {
    const int64_t number = tokenizer->sentinel_number(id);
    if (number < 0) {
      found.window.push_back(id);
      continue;
    }
    CHECK(number == found.spans++);
    const Ids& span = spans.at(number);
    found.noise += std::ssize(span);
    found.window.insert(found.window.end(), span.begin(), span.end());
  }
  CHECK(std::ssize(spans) == found.spans);
  return found;
}

// Rounded half to even in float32, at least 1, and one token is kept.
int64_t noise_of(int64_t length, double density) {
  const float exact = static_cast<float>(length) * static_cast<float>(density);
  return std::clamp<int64_t>(std::lrint(exact), 1, length - 1);
}

void check_example(const Denoiser& denoiser, const Ids& window, Example example) {
  const auto tokenizer = small_tokenizer();
  const auto length = std::ssize(window);
  if (!denoiser.mode_token.empty()) {
    const int64_t number = tokenizer->sentinel_number(example.inputs.front());
    CHECK("<extra_id_" + std::to_string(number) + ">" == denoiser.mode_token);
    example.inputs.erase(example.inputs.begin());
  }
  const int64_t noise = noise_of(length, denoiser.noise_density);
  if (denoiser.kind == DenoiserKind::span) {
    const Found found = read_spans(example.inputs, example.targets);
    CHECK(found.window == window);
    CHECK(found.noise == noise);
    const float spans = static_cast<float>(noise) / static_cast<float>(denoiser.mean_noise_span);
    CHECK(found.spans == std::max<int64_t>(1, std::lrint(spans)));
    CHECK(found.starts_kept);
    CHECK(found.ends_masked);
    return;
  }
  CHECK(example.inputs.back() == tokenizer->eos());
  CHECK(example.targets.back() == tokenizer->eos());
  Ids joined(example.inputs.begin(), example.inputs.end() - 1);
  joined.insert(joined.end(), example.targets.begin(), example.targets.end() - 1);
  CHECK(joined == window);
  const int64_t targets = std::ssize(example.targets) - 1;
  if (denoiser.kind == DenoiserKind::prefix) CHECK(targets == noise);
  if (denoiser.kind == DenoiserKind::random_prefix) CHECK((targets >= 1 && targets < length));
  if (denoiser.kind == DenoiserKind::next_token) CHECK(targets == length);
}

// The examples of each denoiser alone, for these windows. Those that need more than the sentinels
// of the test's tokenizer are passed over.
void check_each_denoiser(const std::vector<Ids>& windows) {
  for (const Objective objective :
       {Objective::span_corruption, Objective::prefix_lm, Objective::next_token, Objective::ul2}) {
    for (const Denoiser& denoiser : denoisers_of(options_of(objective))) {
      const ObjectiveOptions alone = options_of(Objective::ul2, {denoiser});
      const int64_t free = sentinels_for_spans({denoiser}, 20);
      for (size_t i = 0; i < windows.size(); ++i) {
        CAPTURE(denoiser.name, denoiser.noise_density, denoiser.mean_noise_span, windows[i].size());
        if (denoiser_lengths(denoiser, std::ssize(windows[i])).spans > free) continue;
        const Example example = make(alone, windows[i], static_cast<int64_t>(i));
        check_example(denoiser, windows[i], example);
        const DenoiserLengths lengths = denoiser_lengths(denoiser, std::ssize(windows[i]));
        CHECK(std::ssize(example.inputs) <= lengths.inputs);
        CHECK(std::ssize(example.targets) <= lengths.targets);
      }
    }
  }
}

TEST_CASE("denoise: every denoiser's examples by definition", "[denoise]") {
  std::vector<Ids> windows;
  for (const int64_t length : {2, 3, 5, 12, 33, 64, 96}) windows.push_back(counting(length));
  check_each_denoiser(windows);
}

TEST_CASE("denoise: the reference's tokens by definition", "[denoise]") {
  const auto path = shared_file("vectors/span_corruption.jsonl");
  if (!path) return;
  simdjson::dom::parser parser;
  std::vector<Ids> windows;
  for (simdjson::dom::element item : parser.load_many(*path)) {
    Ids window;
    // Below the sentinels of the test's tokenizer.
    for (const int64_t id : item["tokens"].get_array()) {
      window.push_back(static_cast<int32_t>(id % 280 + 5));
    }
    if (window.size() > 1) windows.push_back(std::move(window));
  }
  CHECK(windows.size() > 50);
  check_each_denoiser(windows);
}

TEST_CASE("denoise: UL2's table", "[denoise]") {
  const std::vector<Denoiser> table = denoisers_of(options_of(Objective::ul2));
  std::multimap<std::string, std::pair<double, double>> spans;
  for (const Denoiser& denoiser : table) {
    CHECK(denoiser.weight == 1);
    if (denoiser.kind == DenoiserKind::span) {
      spans.emplace(denoiser.name, std::pair(denoiser.mean_noise_span, denoiser.noise_density));
    } else {
      CHECK(denoiser.kind == DenoiserKind::prefix);
      CHECK(denoiser.noise_density == 0.25);
    }
  }
  CHECK(table.size() == 7);
  const std::multimap<std::string, std::pair<double, double>> expected = {
      {"R", {3, 0.15}}, {"R", {8, 0.15}},  {"X", {3, 0.5}},
      {"X", {8, 0.5}},  {"X", {64, 0.15}}, {"X", {64, 0.5}}};
  CHECK(spans == expected);
  CHECK(sentinels_for_spans(table, 20) == 17);
}

// Chi-square with 9 and 7 degrees of freedom; 28 has p < 0.001 in both.
TEST_CASE("denoise: prefixes are uniform, denoisers drawn by weight", "[denoise]") {
  constexpr int64_t kDraws = 10000;
  std::map<size_t, double> prefixes, drawn;
  const Ids window = counting(11);
  std::vector<Denoiser> list;
  for (int i = 1; i <= 8; ++i) list.push_back({"d", DenoiserKind::span, 3, 0.15, i / 4.0, ""});
  const ObjectiveOptions prefix = options_of(Objective::prefix_lm);
  const DenoiserMixture mixture(options_of(Objective::ul2, list), *small_tokenizer(), 8);
  const DenoiserMixture other(options_of(Objective::ul2, list), *small_tokenizer(), 9);
  int64_t same = 0;
  for (int64_t i = 0; i < kDraws; ++i) {
    ++prefixes[make(prefix, window, i).inputs.size() - 1];
    ++drawn[mixture.draw(i)];
    same += mixture.draw(i) == other.draw(i) ? 1 : 0;
  }
  CHECK(same < kDraws / 2);
  double of_prefixes = 0, of_denoisers = 0;
  for (size_t n = 1; n <= 10; ++n) of_prefixes += std::pow(prefixes[n] - kDraws / 10.0, 2);
  for (size_t i = 0; i < 8; ++i) {
    const double expected = kDraws * static_cast<double>(i + 1) / 36;
    of_denoisers += std::pow(drawn[i] - expected, 2) / expected;
  }
  CHECK(prefixes.size() == 10);
  CHECK(of_prefixes / (kDraws / 10.0) < 28);
  CHECK(drawn.size() == 8);
  CHECK(of_denoisers < 28);
}

TEST_CASE("denoise: windows are the longest that fit every denoiser", "[denoise]") {
  const auto objective = GENERATE(Objective::prefix_lm, Objective::next_token, Objective::ul2);
  for (const int64_t encoder_length : {4, 16, 17, 64, 511, 512}) {
    for (const int64_t decoder_length : {0, 9, 40, 700}) {
      ObjectiveOptions options = options_of(objective);
      options.encoder_length = encoder_length;
      if (decoder_length > 0) options.decoder_length = decoder_length;
      const auto fits = [&](int64_t window) {
        int64_t longest = 0;
        bool inputs = true;
        for (const Denoiser& denoiser : denoisers_of(options)) {
          inputs = inputs && denoiser_lengths(denoiser, window).inputs <= encoder_length;
          longest = std::max(longest, denoiser_lengths(denoiser, window).targets);
        }
        const bool bounded = decoder_length > 0 || objective == Objective::next_token;
        const int64_t limit = decoder_length > 0 ? decoder_length : encoder_length;
        return inputs && (!bounded || longest <= limit);
      };
      const ObjectiveLengths lengths = objective_lengths(options);
      CAPTURE(encoder_length, decoder_length, lengths.window_tokens, lengths.decoder_length);
      CHECK((lengths.window_tokens == 2 || fits(lengths.window_tokens)));
      CHECK_FALSE(fits(lengths.window_tokens + 1));
    }
  }
  ObjectiveOptions options = options_of(Objective::ul2);
  options.encoder_length = 512;
  options.extra_ids = 100;
  CHECK(find_objective_faults(options, 100).empty());
  options.encoder_length = 1024;  // half of the window in spans of 3: 189 sentinels
  REQUIRE(find_objective_faults(options, 100).size() == 1);
  const std::string fault = find_objective_faults(options, 100).front();
  CHECK(fault.starts_with("data.extra_ids: 100 sentinels (3 of them are mode tokens)"));
  CHECK(fault.find("raise it to 192 or more, or raise data.denoisers[3].mean_noise_span") !=
        std::string::npos);
  options.extra_ids = 192;
  CHECK(find_objective_faults(options, 192).empty());
}

TEST_CASE("denoise: a mode token that is no piece is refused", "[denoise]") {
  const auto with = [](const std::string& mode) {
    return options_of(Objective::ul2, {{"R", DenoiserKind::span, 3, 0.15, 1, mode}});
  };
  CHECK(message_of<ConfigError>([&] { make(with("[R]"), counting(9), 0); }).find("'[R]'") !=
        std::string::npos);
  CHECK_THROWS_AS(make(with("<extra_id_20>"), counting(9), 0), ConfigError);
  CHECK(make(with(small_tokenizer()->piece(7)), counting(9), 0).inputs.front() == 7);
}

DataSection section(Objective objective, const std::string& pattern) {
  DataSection data = small_section(pattern);
  data.objective = objective;
  return data;
}

std::vector<Example> load(const DataSection& data, int64_t first, int64_t streams,
                          std::vector<StreamState>* states = nullptr, int64_t batches = 6) {
  LoaderPlace place;
  place.total_streams = data.streams;
  place.first_stream = first;
  place.num_streams = streams;
  place.examples_per_stream = 2;
  Loader loader(data, data.train, place, 5, small_tokenizer());
  if (states != nullptr && !states->empty()) loader.restore(*states);
  std::vector<Example> examples;
  for (int64_t i = 0; i < batches; ++i) {
    const std::vector<Example>& batch = loader.next();
    examples.insert(examples.end(), batch.begin(), batch.end());
  }
  if (states != nullptr) *states = loader.state();
  return examples;
}

bool same(const Example& a, const Example& b) {
  return a.index == b.index && a.denoiser == b.denoiser && a.inputs == b.inputs &&
         a.targets == b.targets;
}

TEST_CASE("denoise: the same examples on every mesh and after a resume", "[denoise]") {
  const auto objective = GENERATE(Objective::prefix_lm, Objective::next_token, Objective::ul2);
  DataSection data = section(objective, make_shards(3, 40) + "/*.gz");
  data.encoder_length = 48;  // X masks half of it: 17 sentinels are enough for 9 spans
  const std::vector<Example> whole = load(data, 0, 4);
  for (int64_t stream = 0; stream < 4; ++stream) {
    for (const Example& example : load(data, stream, 1)) {
      CHECK(same(example, whole.at(static_cast<size_t>(example.index))));
    }
  }
  std::vector<StreamState> states;
  load(data, 0, 4, &states, 2);
  const std::vector<Example> rest = load(data, 0, 4, &states, 4);
  for (const Example& example : rest) {
    CHECK(same(example, whole.at(static_cast<size_t>(example.index))));
  }
  data.objective = Objective::span_corruption;
  CHECK(message_of<DataError>([&] { load(data, 0, 4, &states); }).find("of the kind") !=
        std::string::npos);
}

std::string write_sample() {
  std::string path = temporary_folder() + "/sample.json";
  std::string lines;
  for (uint32_t i = 0; i < 60; ++i) {
    std::string text = sample_document(4, i);
    std::replace(text.begin(), text.end(), '\n', ' ');
    std::replace(text.begin(), text.end(), '"', '\'');
    lines += record(text);
  }
  write_file(path, lines);
  return path;
}

// The order of the text is that of span corruption, whatever is made of it.
TEST_CASE("denoise: every objective cuts the same windows of the sample", "[denoise]") {
  DataSection data = section(Objective::span_corruption, write_sample());
  data.encoder_length = 64;
  data.window_tokens = {false, 48};
  std::vector<Ids> windows;
  for (const Example& example : load(data, 0, 4)) windows.push_back(window_of(example));
  for (const Objective objective : {Objective::prefix_lm, Objective::next_token, Objective::ul2}) {
    data.objective = objective;
    const std::vector<Denoiser> denoisers = denoisers_of(objective_options(data));
    std::vector<bool> seen(denoisers.size(), false);
    for (const Example& example : load(data, 0, 4)) {
      const auto drawn = static_cast<size_t>(example.denoiser);
      seen.at(drawn) = true;
      check_example(denoisers.at(drawn), windows.at(static_cast<size_t>(example.index)), example);
    }
    CHECK(std::count(seen.begin(), seen.end(), true) == std::ssize(seen));
  }
}

}  // namespace
}  // namespace sy
