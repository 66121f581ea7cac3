// SPDX-License-Identifier: Apache-2.0
#include "lib/data/corpora.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <map>

#include "lib/base/error.h"
#include "lib/data/loader.h"
#include "lib/data/tokenizer/tokenizer_train.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kEach = 4;
constexpr const char* kWords[] = {"kalo", "mites", "vanqi"};  // a corpus has one, so it can be told

// `documents` documents of one word.
std::string text_of(const std::string& word, int64_t documents) {
  std::string text, lines;
  for (int i = 0; i < 40; ++i) text += (i == 0 ? "" : " ") + word;
  for (int64_t i = 0; i < documents; ++i) lines += record(text);
  return lines;
}

// Three corpora in a new folder: a of 200 documents in two shards, b of 50, c of 10.
DataSection three_corpora() {
  const std::string folder = temporary_folder();
  write_file(folder + "/a.0.jsonl", text_of(kWords[0], 120));
  write_file(folder + "/a.1.jsonl", text_of(kWords[0], 80));
  write_file(folder + "/b.jsonl", text_of(kWords[1], 50));
  write_file(folder + "/c.jsonl", text_of(kWords[2], 10));
  write_file(folder + "/b.validation.jsonl", text_of(kWords[1], 5));
  DataSection data = small_section("");
  data.corpora = {{"a", {folder + "/a.*.jsonl"}, {}, {}, {}},
                  {"b", {folder + "/b.jsonl"}, {folder + "/b.validation.jsonl"}, {}, {}},
                  {"c", {folder + "/c.jsonl"}, {}, {}, {}}};
  data.example_buffer = 3;
  return data;
}

LoaderPlace place_of(const DataSection& data, int64_t rank = 0, int64_t ranks = 1) {
  const int64_t each = data.streams / ranks;
  return {rank * each, each, data.streams, kEach, false};
}

std::unique_ptr<Loader> open(const DataSection& data, int64_t rank = 0, int64_t ranks = 1) {
  return std::make_unique<Loader>(data, place_of(data, rank, ranks), 5, small_tokenizer());
}

std::vector<Example> take(Loader& loader, int64_t batches) {
  std::vector<Example> examples;
  for (int64_t i = 0; i < batches; ++i) {
    const std::vector<Example>& batch = loader.next();
    examples.insert(examples.end(), batch.begin(), batch.end());
  }
  return examples;
}

void check_same(const std::vector<Example>& a, const std::vector<Example>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].index == b[i].index);
    CHECK(a[i].part == b[i].part);
    CHECK(a[i].inputs == b[i].inputs);
    CHECK(a[i].targets == b[i].targets);
  }
}

TEST_CASE("corpora: texts are found by name, or there is one without", "[corpora]") {
  const DataSection data = three_corpora();
  const std::vector<Corpus> train = find_corpora(data, Split::train);
  REQUIRE(train.size() == 3);
  CHECK(train[0].name == "a");
  CHECK(train[0].shards.size() == 2);
  const std::vector<Corpus> validation = find_corpora(data, Split::validation);
  REQUIRE(validation.size() == 1);
  CHECK(validation[0].name == "b");
  CHECK_FALSE(is_single_text(validation));
  const std::vector<Corpus> single =
      find_corpora(small_section(data.corpora[0].train[0]), Split::train);
  CHECK(is_single_text(single));
  CHECK(single[0].shards == train[0].shards);
}

TEST_CASE("corpora: a single text has the examples that it has without them", "[corpora]") {
  const DataSection data = small_section(make_shards(3, 40) + "/*.gz");
  Loader plain(data, data.train, place_of(data), 5, small_tokenizer());
  check_same(take(*open(data), 4), take(plain, 4));
}

TEST_CASE("corpora: examples are of the corpus that is drawn, by the sizes", "[corpora]") {
  DataSection data = three_corpora();
  data.mixture.exponent = 0.5;
  std::map<int64_t, double> drawn;
  constexpr int64_t kBatches = 250;
  for (const Example& example : take(*open(data), kBatches)) {
    ++drawn[example.part];
    std::string text = small_tokenizer()->decode(window_of(example));
    for (size_t word = 0; word < 3; ++word) {
      if (word != static_cast<size_t>(example.part)) {
        CHECK(text.find(kWords[word]) == std::string::npos);
      }
    }
  }
  const double draws = kBatches * static_cast<double>(data.streams * kEach);
  // The records are equally long but for their word, so bytes are nearly documents.
  const std::vector<double> roots{std::sqrt(200 * 4.0 + 200), std::sqrt(50 * 5.0 + 50),
                                  std::sqrt(10 * 5.0 + 10)};
  const std::vector<double> rates = corpus_rates(data, find_corpora(data, Split::train));
  CHECK(rates[0] / rates[1] == Approx(roots[0] / roots[1]).epsilon(0.1));
  const double sum = rates[0] + rates[1] + rates[2];
  for (size_t part = 0; part < 3; ++part) {
    const double share = rates[part] / sum, sigma = std::sqrt(share * (1 - share) / draws);
    CHECK(std::abs(drawn[static_cast<int64_t>(part)] / draws - share) <= 4 * sigma);
  }
}

TEST_CASE("corpora: sizes and rates that are given count", "[corpora]") {
  DataSection data = three_corpora();
  const std::vector<Corpus> corpora = find_corpora(data, Split::train);
  for (size_t i = 0; i < 3; ++i) data.corpora[i].size = {false, 1.0 + static_cast<double>(i)};
  CHECK(corpus_rates(data, corpora) == std::vector<double>{1, 2, 3});
  for (size_t i = 0; i < 3; ++i) data.corpora[i].rate = {false, 7.0};
  CHECK(corpus_rates(data, corpora) == std::vector<double>{7, 7, 7});
}

TEST_CASE("corpora: any mesh, and a resume, give the same examples", "[corpora]") {
  const DataSection data = three_corpora();
  const auto straight = open(data);
  const std::vector<Example> first = take(*straight, 6);
  std::vector<StreamState> saved;
  for (const StreamState& state : straight->state()) {
    saved.push_back(parse_stream_state(serialize(state), "x"));
  }
  const std::vector<Example> expected = take(*straight, 8);
  const auto resumed = open(data);
  resumed->restore(saved);
  check_same(take(*resumed, 8), expected);
  for (const int64_t ranks : {2, 4}) {
    std::vector<Example> joined(first.size());
    for (int64_t rank = 0; rank < ranks; ++rank) {
      for (Example& example : take(*open(data, rank, ranks), 6)) {
        joined.at(static_cast<size_t>(example.index)) = std::move(example);
      }
    }
    check_same(joined, first);
  }
}

// Of the same text, two corpora have neither the same order nor the same masks.
TEST_CASE("corpora: each has draws of its own", "[corpora]") {
  const std::string folder = make_shards(1, 60);
  DataSection data = small_section("");
  data.corpora = {{"a", {folder + "/*"}, {}, {}, {}}, {"b", {folder + "/*"}, {}, {}, {}}};
  std::map<int64_t, std::vector<int32_t>> firsts;
  for (const Example& example : take(*open(data), 8)) {
    if (example.stream == 0) firsts.try_emplace(example.part, example.inputs);
  }
  REQUIRE(firsts.size() == 2);
  CHECK(firsts[0] != firsts[1]);
}

TEST_CASE("corpora: a corpus that is lost stops the run, however large the others are",
          "[corpora]") {
  DataSection data = three_corpora();
  data.max_bad_shards = 0.5;
  const std::string shard = data.corpora[2].train[0];
  write_file(shard, "");
  const std::string message = message_of<DataError>([&] { take(*open(data), 1); });
  CHECK_THAT(message, Catch::Contains("none of the shards") && Catch::Contains(shard));
}

TEST_CASE("corpora: their shards and bad records are counted together", "[corpora]") {
  DataSection data = three_corpora();
  write_file(data.corpora[1].train[0], text_of(kWords[1], 50) + "not JSON\n");
  const auto loader = open(data);
  take(*loader, 30);
  CHECK(loader->counters().shards == 4);
  CHECK(loader->counters().malformed > 0);
}

// {"text", "timestamp", "url"} with blanks, as mC4 has it, and {"lang", "text"}.
TEST_CASE("corpora: records of mC4 and of OSCAR are read", "[corpora]") {
  const std::string folder = temporary_folder();
  std::string lines;
  for (int i = 0; i < 30; ++i) {
    lines += R"({ "timestamp" : "2019-04-25T12:57:54Z", "text" : "kalo mi kalo mi kalo mi kalo",)"
             R"( "url": "https://a.b" })"
             "\n";
    lines += R"({"lang": "af", "text": "mites tes mites tes mites tes"})"
             "\n";
  }
  write_file(folder + "/c4-af.tfrecord-00000-of-00064.json.gz", gzip(lines));
  DataSection data = small_section("");
  data.corpora = {{"af", {folder + "/c4-af.tfrecord-*.json.gz"}, {}, {}, {}}};
  const auto loader = open(data);
  take(*loader, 2);
  CHECK(loader->counters().bad() == 0);
  CHECK(loader->counters().documents > 0);
}

TEST_CASE("corpora: the published shards of mC4 are read", "[corpora]") {
  const auto train = shared_file("data/multilingual/c4-af.tfrecord-00000-of-00064.json.gz");
  const auto oscar = shared_file("data/multilingual/oscar_dummy_all_langs.jsonl");
  if (!train || !oscar) return;
  DataSection data = small_section("");
  data.corpora = {{"af", {*train}, {}, {}, {}}, {"all", {*oscar}, {}, {}, {}}};
  const auto loader = open(data);
  take(*loader, 2);
  CHECK(loader->counters().bad() == 0);
}

TEST_CASE("corpora: a tokenizer is trained on each corpus's share of the mixture", "[corpora]") {
  DataSection data = three_corpora();
  data.mixture.exponent = 0;
  data.text_key = "text";
  TrainTokenizerOptions options;
  set_text(options, data);
  REQUIRE(options.sample.size() == 4);
  CHECK(options.sample[0].weight + options.sample[1].weight == Approx(1));
  CHECK(options.sample[0].weight == Approx(1.5 * options.sample[1].weight).epsilon(0.05));
  CHECK(options.sample[2].weight == Approx(1));
  CHECK(options.sample[3].weight == Approx(1));
}

}  // namespace
}  // namespace sy
