// SPDX-License-Identifier: Apache-2.0
#include "lib/data/loader.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <set>

#include "lib/base/error.h"
#include "lib/base/span_plan.h"
#include "lib/data/text/c4_reader.h"
#include "lib/data/text/document_stream.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kEach = 2;  // examples of a stream in a batch

// Rank `rank` of `ranks`.
LoaderPlace place_of(const DataSection& data, int64_t rank = 0, int64_t ranks = 1) {
  LoaderPlace place;
  place.total_streams = data.streams;
  place.num_streams = data.streams / ranks;
  place.first_stream = place.num_streams * rank;
  place.examples_per_stream = kEach;
  return place;
}

std::unique_ptr<Loader> open_loader(const DataSection& data, int64_t rank = 0, int64_t ranks = 1,
                                    uint64_t seed = 5) {
  return std::make_unique<Loader>(data, data.train, place_of(data, rank, ranks), seed,
                                  small_tokenizer());
}

bool operator==(const Example& a, const Example& b) {
  return a.index == b.index && a.stream == b.stream && a.inputs == b.inputs &&
         a.targets == b.targets;
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
  for (size_t i = 0; i < a.size(); ++i) CHECK(bool(a[i] == b[i]));
}

TEST_CASE("loader: examples are full, numbered in global order", "[loader]") {
  const DataSection data = small_section(make_shards(4, 60) + "/*.gz");
  const auto loader = open_loader(data);
  const int64_t targets = span_plan(64, 0.15, 3.0).decoder_length;
  int64_t index = 0;
  for (const Example& example : take(*loader, 5)) {
    CHECK(example.index == index);
    CHECK(example.stream == index % (data.streams * kEach) / kEach);
    CHECK(example.inputs.size() == 64);
    CHECK(static_cast<int64_t>(example.targets.size()) == targets);
    CHECK(example.inputs.back() == 1);
    CHECK(example.targets.back() == 1);
    CHECK(example.targets.front() == small_tokenizer()->sentinel(0));
    ++index;
  }
  CHECK(loader->counters().documents > 0);
  CHECK(loader->counters().bad() == 0);
}

// The order depends only on the configuration. 3 shards for 8 streams are read in parts, 9 are not.
TEST_CASE("loader: any ranks, threads and read-ahead give the same batches", "[loader]") {
  const int64_t shards = GENERATE(1, 3, 9);
  DataSection data = small_section(make_shards(shards, 40) + "/*.gz");
  data.streams = 8;
  data.example_buffer = 5;
  const std::vector<Example> expected = take(*open_loader(data), 8);
  for (const int64_t threads : {3, 8, 17}) {
    data.loader_threads = threads;
    data.read_ahead_batches = threads == 8 ? 1 : 7;
    check_same(take(*open_loader(data), 8), expected);
  }
  for (const int64_t ranks : {2, 4, 8}) {
    data.loader_threads = ranks == 2 ? 2 : 1;
    std::vector<Example> joined(expected.size());
    for (int64_t rank = 0; rank < ranks; ++rank) {
      for (Example& example : take(*open_loader(data, rank, ranks), 8)) {
        const auto at = static_cast<size_t>(example.index);
        joined.at(at) = std::move(example);
      }
    }
    check_same(joined, expected);
  }
}

TEST_CASE("loader: the seed changes the order", "[loader]") {
  const DataSection data = small_section(make_shards(4, 60) + "/*.gz");
  const auto a = take(*open_loader(data, 0, 1, 5), 1), b = take(*open_loader(data, 0, 1, 6), 1);
  CHECK_FALSE(bool(a[0] == b[0]));
}

// Through the serialized form, with another number of ranks and threads.
TEST_CASE("loader: goes on from a saved state as if it had not stopped", "[loader]") {
  const int64_t shards = GENERATE(2, 5), before = GENERATE(0, 1, 3, 40);
  DataSection data = small_section(make_shards(shards, 30) + "/*.gz");
  const auto straight = open_loader(data);
  take(*straight, before);
  std::vector<StreamState> saved;
  for (const StreamState& state : straight->state()) {
    saved.push_back(parse_stream_state(serialize(state), "x"));
  }
  const std::vector<Example> expected = take(*straight, 12);
  data.loader_threads = 3;
  data.read_ahead_batches = 2;
  const auto resumed = open_loader(data);
  resumed->restore(saved);
  check_same(take(*resumed, 12), expected);

  const auto rank1 = open_loader(data, 1, 2);
  rank1->restore({saved[2], saved[3]});
  std::vector<Example> share;
  for (const Example& example : expected) {
    if (example.stream >= 2) share.push_back(example);
  }
  check_same(take(*rank1, 12), share);
}

// The state belongs to the last batch returned, however far the threads have run ahead.
TEST_CASE("loader: the state does not show the reading ahead", "[loader]") {
  DataSection data = small_section(make_shards(3, 50) + "/*.gz");
  std::vector<std::vector<int32_t>> states[2];
  for (int i = 0; i < 2; ++i) {
    data.read_ahead_batches = i == 0 ? 1 : 20;
    const auto loader = open_loader(data);
    for (int batch = 0; batch < 6; ++batch) {
      loader->next();
      for (const StreamState& state : loader->state()) states[i].push_back(serialize(state));
    }
  }
  CHECK(bool(states[0] == states[1]));
}

// Skipping must not parse: a bad line before the position has been reported by the earlier run.
TEST_CASE("loader: nothing before a saved position is read again", "[loader]") {
  const std::string folder = temporary_folder();
  write_file(folder + "/a.jsonl", "bad\n" + records(400, 1));
  DataSection data = small_section(folder + "/*.jsonl");
  data.streams = 1;
  const auto straight = open_loader(data);
  straight->next();
  CHECK(straight->counters().malformed == 1);
  const auto resumed = open_loader(data);
  resumed->restore(straight->state());
  resumed->next();
  CHECK(resumed->counters().malformed == 0);
  CHECK(resumed->counters().documents < 200);
}

TEST_CASE("loader: without shuffling, windows are the documents joined", "[loader]") {
  const std::string folder = temporary_folder();
  write_file(folder + "/a.jsonl", records(80, 1));
  DataSection data = small_section(folder + "/a.jsonl");
  data.streams = 1;
  data.shuffle_buffer = data.example_buffer = 1;
  data.document_separator = GENERATE(Separator::none, Separator::eos);
  std::vector<int32_t> expected, seen;
  Ledger ledger(BadRecordPolicy::fail);
  const auto tokenizer = small_tokenizer();
  for (int epoch = 0; epoch < 2; ++epoch) {
    C4Reader reader(folder + "/a.jsonl", {}, ledger);
    std::string_view text;
    while (reader.next(text)) {
      for (const int32_t id : tokenizer->encode(text)) expected.push_back(id);
      if (data.document_separator == Separator::eos) expected.push_back(1);
    }
  }
  const auto loader = open_loader(data);
  while (seen.size() + 200 < expected.size()) {
    for (const Example& example : loader->next()) {
      const std::vector<int32_t> window = window_of(example);
      seen.insert(seen.end(), window.begin(), window.end());
    }
  }
  REQUIRE(seen.size() > 1000);
  expected.resize(seen.size());
  CHECK(bool(seen == expected));
}

TEST_CASE("loader: the text is under data.text_key", "[loader]") {
  const std::string folder = temporary_folder();
  std::string lines, others;
  for (uint64_t i = 0; i < 40; ++i) {
    const std::string text = made_up_text(i, 30);
    lines += record(text);
    others += "{\"text\":\"no\",\"content\":\"" + text + "\"}\n";
  }
  write_file(folder + "/a.jsonl", lines);
  write_file(folder + "/b.jsonl", others);
  DataSection data = small_section(folder + "/a.jsonl");
  const auto expected = take(*open_loader(data), 5);
  data.train = {folder + "/b.jsonl"};
  data.text_key = "content";
  check_same(take(*open_loader(data), 5), expected);
}

TEST_CASE("loader: an epoch gives each document once", "[loader]") {
  const int64_t shards = GENERATE(1, 4, 6);
  DataSection data = small_section(make_shards(shards, 20) + "/*.gz");
  const ShardList list(expand_globs(data.train), data.streams, 5);
  Ledger ledger(BadRecordPolicy::fail);
  ShardHealth health(list, 0);
  ShardCache cache(1 << 20);
  const auto tokenizer = small_tokenizer();
  const DocumentSources sources{list, *tokenizer, ledger, health, cache, 5};
  std::vector<std::vector<int32_t>> seen, all;
  for (int64_t v = 0; v < data.streams; ++v) {
    DocumentStream stream(sources, v);
    while (const Document document = stream.next()) {
      seen.emplace_back(document->begin(), document->end());
    }
  }
  for (const std::string& shard : list.shards()) {
    C4Reader reader(shard, {}, ledger);
    std::string_view text;
    while (reader.next(text)) all.push_back(tokenizer->encode(text));
  }
  std::sort(seen.begin(), seen.end());
  std::sort(all.begin(), all.end());
  CHECK(seen.size() == static_cast<size_t>(20 * shards));
  CHECK(bool(seen == all));
}

TEST_CASE("loader: a very long document gives one chunk of itself", "[loader]") {
  const std::string folder = temporary_folder();
  std::string text;
  for (int i = 0; i < 75000; ++i) text += "kalo" + std::string(i % 2 ? "mi" : "tes") + " ";
  const int64_t tokens = static_cast<int64_t>(small_tokenizer()->encode(text).size());
  REQUIRE(tokens > 2 * kMaxDocumentTokens);
  write_file(folder + "/a.jsonl", record(text) + record("kalo"));
  const ShardList list({folder + "/a.jsonl"}, 1, 5);
  Ledger ledger(BadRecordPolicy::fail);
  ShardHealth health(list, 0);
  ShardCache cache(0);
  const DocumentSources sources{list, *small_tokenizer(), ledger, health, cache, 5};
  DocumentStream stream(sources, 0);
  std::set<size_t> sizes;
  for (int i = 0; i < 12; ++i) {
    const size_t size = stream.next()->size();
    sizes.insert(size);
    CHECK(stream.next()->size() < 10);
    CHECK(stream.next() == nullptr);
    stream.begin_epoch();
  }
  const auto last = static_cast<size_t>(tokens % kMaxDocumentTokens);
  CHECK(sizes == std::set<size_t>{last, kMaxDocumentTokens});
}

TEST_CASE("loader: ends at once, and its state outlives it", "[loader]") {
  DataSection data = small_section(make_shards(4, 60) + "/*.gz");
  data.loader_threads = GENERATE(1, 4);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) {
    const auto loader = open_loader(data);
    if (i % 2 == 0) loader->next();
  }
  std::vector<StreamState> states;
  {
    const auto loader = open_loader(data);
    loader->next();
    states = loader->state();
  }
  CHECK(serialize(states[0]).size() > 100);  // its documents outlive the loader
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

}  // namespace
}  // namespace sy
