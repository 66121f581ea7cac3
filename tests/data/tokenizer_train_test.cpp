// SPDX-License-Identifier: Apache-2.0
#include "lib/data/tokenizer/tokenizer_train.h"

#include <fmt/core.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "lib/base/error.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

TrainTokenizerOptions options_for(const std::string& folder) {
  TrainTokenizerOptions options;
  options.shards = {folder + "/*.json.gz"};
  options.output = folder + "/out.model";
  options.vocab_size = 200;
  return options;
}

TEST_CASE("tokenizer_train: the same text gives the same bytes, wherever they go",
          "[tokenizer_train]") {
  const std::string folder = make_shards(2, 150);
  TrainTokenizerOptions options = options_for(folder);
  train_tokenizer(options);
  const std::string first = read_file(options.output);
  options.output = folder + "/again.model";
  train_tokenizer(options);
  CHECK(read_file(options.output) == first);
  CHECK_FALSE(std::filesystem::exists(options.output + ".partial"));
}

TEST_CASE("tokenizer_train: what a model must be", "[tokenizer_train]") {
  const std::string folder = make_shards(1, 200);
  const TrainTokenizerOptions options = options_for(folder);
  train_tokenizer(options);
  const Tokenizer tokenizer(options.output, 100);
  CHECK(tokenizer.size() == 300);
  CHECK(tokenizer.piece(0) == "<pad>");
  CHECK(tokenizer.piece(1) == "</s>");
  CHECK(tokenizer.piece(2) == "<unk>");
  CHECK(tokenizer.decode(tokenizer.encode("kalo  mites\nvanqi")) == "kalo mites vanqi");
  CHECK(tokenizer.encode("k\uFF41lo") == tokenizer.encode("kalo"));  // nmt_nfkc
  CHECK(tokenizer.encode("\u4E2D").back() == 2);                     // no byte fallback
}

TEST_CASE("tokenizer_train: the maxima end the text", "[tokenizer_train]") {
  const std::string folder = temporary_folder();
  write_file(folder + "/a.json.gz", gzip(records(100, 1) + record("\u00e4\u00f6 \u00e4\u00f6")));
  TrainTokenizerOptions options = options_for(folder);
  options.vocab_size = 100;
  options.character_coverage = 1.0;
  train_tokenizer(options);
  const std::string all = read_file(options.output);
  CHECK(Tokenizer(options.output, 0).encode("\u00e4\u00f6").back() != 2);
  options.max_sentences = 100;
  train_tokenizer(options);
  CHECK(Tokenizer(options.output, 0).encode("\u00e4\u00f6").back() == 2);
  CHECK(read_file(options.output) != all);
  options.max_sentences = 1000;
  options.max_bytes = 5000;
  train_tokenizer(options);
  CHECK(Tokenizer(options.output, 0).encode("\u00e4\u00f6").back() == 2);
}

// A shard of `count` records, each a sentence of `word` and its number.
std::string sentences(const std::string& word, int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) lines += record(fmt::format("{} {}", word, 1000 + i));
  return lines;
}

TEST_CASE("tokenizer_train: sentences are drawn from all shards", "[tokenizer_train]") {
  const std::string folder = temporary_folder();
  write_file(folder + "/a.json.gz", gzip(records(400, 1)));
  write_file(folder + "/b.json.gz", gzip(sentences("\u00e4\u00f6 \u00e4\u00f6", 400)));
  TrainTokenizerOptions options = options_for(folder);
  options.vocab_size = 100;
  options.max_sentences = 200;
  const TokenizerTraining training = train_tokenizer(options);
  CHECK(Tokenizer(options.output, 0).encode("\u00e4\u00f6").back() != 2);
  CHECK(training.shards[0].sentences + training.shards[1].sentences == 200);
  CHECK_FALSE(training.shards[0].whole);
  CHECK_FALSE(training.shards[1].whole);
}

std::vector<std::string> drawn(const std::vector<SampledShard>& shards, int64_t sentences,
                               int64_t bytes, std::vector<SampledShard>& after) {
  Ledger ledger(BadRecordPolicy::skip);
  SentenceSampler sampler(shards, sentences, bytes, {}, ledger);
  std::vector<std::string> all;
  for (std::string sentence; sampler.next(sentence);) all.push_back(sentence);
  after = sampler.shards();
  return all;
}

TEST_CASE("sentence_sampler: shares follow the weights, and what is not there passes on",
          "[tokenizer_train]") {
  const std::string folder = temporary_folder();
  write_file(folder + "/a.jsonl", sentences("a", 300) + "{\"text\": \"a 1\\na 2\\na 3\"}\n" +
                                      "bad\n" + sentences("a", 200));
  write_file(folder + "/b.jsonl", sentences("b", 300));
  write_file(folder + "/c.jsonl", sentences("c", 10));
  const std::vector<std::string> patterns = {folder + "/a*", folder + "/[ab]*", folder + "/c*"};
  const auto counts = [&](const std::vector<double>& weights, int64_t sentences) {
    std::vector<SampledShard> after;
    const auto all = drawn(weigh_shards(patterns, weights), sentences, 1 << 30, after);
    std::vector<int64_t> taken;
    int64_t sum = 0;
    for (const SampledShard& shard : after) {
      taken.push_back(shard.sentences);
      sum += shard.sentences;
    }
    CHECK(std::ssize(all) == sum);
    const std::set<std::string> distinct(all.begin(), all.end());
    CHECK(std::ssize(distinct) >= sum - 200);  // the second part of a.jsonl repeats the first
    return taken;
  };
  using Counts = std::vector<int64_t>;
  CHECK(counts({1, 2, 1}, 40) == Counts{10, 20, 10});
  CHECK(counts({2, 1, 1}, 80) == Counts{47, 23, 10});  // what c.jsonl lacks goes to the others
  CHECK(counts({1, 1, 1}, 700) == Counts{390, 300, 10});
  CHECK(counts({1, 1, 1}, 10'000) == Counts{503, 300, 10});
  std::vector<SampledShard> after;
  drawn(weigh_shards(patterns, {}), 10'000, 3000, after);
  CHECK(after[0].bytes + after[1].bytes + after[2].bytes >= 3000);
  CHECK(after[0].bytes + after[1].bytes + after[2].bytes < 3020);
  CHECK(after[0].bytes > after[1].bytes);
  CHECK(after[2].bytes > 0);
  CHECK_THROWS_AS(weigh_shards(patterns, {1, 2}), ConfigError);
  CHECK_THROWS_AS(weigh_shards(patterns, {1, 2, 0}), ConfigError);
}

TEST_CASE("tokenizer_train: bytes for what has no piece, and symbols of one's own",
          "[tokenizer_train]") {
  const std::string folder = make_shards(1, 300);
  TrainTokenizerOptions options = options_for(folder);
  options.vocab_size = 400;
  options.byte_fallback = true;
  options.user_symbols = {"<sep>", "@@"};
  train_tokenizer(options);
  const Tokenizer tokenizer(options.output, 0);
  CHECK(tokenizer.size() == 400);
  const std::vector<int32_t> ids = tokenizer.encode("kalo\u4E2D");
  CHECK(std::find(ids.begin(), ids.end(), 2) == ids.end());
  CHECK(tokenizer.decode(ids) == "kalo\u4E2D");
  const std::vector<std::string> pieces = tokenizer.pieces("kalo<sep>mi@@");
  CHECK(std::count(pieces.begin(), pieces.end(), "<sep>") == 1);
  CHECK(std::count(pieces.begin(), pieces.end(), "@@") == 1);
  for (const char* symbol : {"", "a,b", "a b", "<pad>", "<extra_id_0>", "@@"}) {
    options.user_symbols = {"@@", symbol};
    CHECK_THROWS_AS(train_tokenizer(options), ConfigError);
  }
}

// No text is unknown to `tokenizer`, and what it decodes to comes back as it is: NFKC and single
// blanks, which training sets, are then all that may have changed.
void check_round_trip(const Tokenizer& tokenizer, const std::string& text) {
  const std::vector<int32_t> ids = tokenizer.encode(text);
  CHECK(std::find(ids.begin(), ids.end(), 2) == ids.end());
  const std::string decoded = tokenizer.decode(ids);
  CHECK(tokenizer.decode(tokenizer.encode(decoded)) == decoded);
}

TEST_CASE("tokenizer_train: with bytes, texts of scripts that were seen or not come back",
          "[tokenizer_train]") {
  const std::string folder = temporary_folder();
  std::string lines = records(200, 1);
  for (const char* text : {"\u043a\u0430\u043b\u043e", "\u6f22\u5b57"}) {
    for (int i = 0; i < 40; ++i) lines += record(fmt::format("{} {}", text, i % 7));
  }
  write_file(folder + "/text.json.gz", gzip(lines));
  TrainTokenizerOptions options = options_for(folder);
  options.vocab_size = 400;
  options.byte_fallback = true;
  train_tokenizer(options);
  const Tokenizer tokenizer(options.output, 10);
  for (const char* text : {"kalo mites", "\u043a\u0430\u043b\u043e \u044f", "\u6f22\u5b57\u5931",
                           "\u0928\u092e\u0938\u094d\u0924\u0947", "\U0001f600 x"}) {
    check_round_trip(tokenizer, text);
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  }
  // A model may write bytes that are no character; they are shown as U+FFFD.
  std::vector<int32_t> half = tokenizer.encode("\u5931");
  REQUIRE(half.size() > 3);
  half.pop_back();
  CHECK_THAT(tokenizer.decode(half), Catch::Contains("\ufffd"));
}

TEST_CASE("tokenizer_train: with bytes, texts of 166 languages come back", "[tokenizer_train]") {
  const auto oscar = shared_file("data/multilingual/oscar_dummy_all_langs.jsonl");
  if (!oscar) return;
  TrainTokenizerOptions options;
  options.shards = {*oscar};
  options.output = temporary_folder() + "/all.model";
  options.vocab_size = 2000;
  options.character_coverage = 0.99;
  options.byte_fallback = true;
  train_tokenizer(options);
  const Tokenizer tokenizer(options.output, 100);
  ReaderOptions reading;
  Ledger ledger(BadRecordPolicy::fail);
  C4Reader reader(*oscar, reading, ledger);
  int64_t texts = 0;
  for (std::string_view text; reader.next(text); ++texts) {
    check_round_trip(tokenizer, std::string(text));
  }
  CHECK(texts == 320);
}

TEST_CASE("tokenizer_train: long lines are cut and used", "[tokenizer_train]") {
  const std::string folder = temporary_folder();
  std::string blanks, solid;
  for (int i = 0; i < 4000; ++i) blanks += "longtext ";
  for (int i = 0; i < 4000; ++i) solid += "\u00e4";
  write_file(folder + "/a.json.gz", gzip(records(50, 1) + record(blanks) + record(solid)));
  TrainTokenizerOptions options = options_for(folder);
  options.vocab_size = 100;
  train_tokenizer(options);
  const std::vector<std::string> pieces = Tokenizer(options.output, 0).pieces("longtext");
  CHECK(pieces.size() < 4);
  CHECK(Tokenizer(options.output, 0).encode("\u00e4").back() != 2);
}

TEST_CASE("tokenizer_train: faults name what is wrong", "[tokenizer_train]") {
  const std::string folder = make_shards(1, 50);
  TrainTokenizerOptions options = options_for(folder);
  options.vocab_size = 100000;
  CHECK(message_of<ConfigError>([&] { train_tokenizer(options); }).find("lower the vocabulary") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(options.output));
  options.vocab_size = 100;
  options.output = folder + "/none/out.model";
  CHECK(message_of<RuntimeFailure>([&] { train_tokenizer(options); }).find("/none/out.model") !=
        std::string::npos);
  options = options_for(folder);
  options.vocab_size = 2;
  CHECK_THROWS_AS(train_tokenizer(options), ConfigError);
  options.vocab_size = 100;
  write_file(folder + "/part-00.json.gz", gzip(record("") + "bad\n"));
  CHECK_THROWS_AS(train_tokenizer(options), DataError);
  options.on_bad_record = BadRecordPolicy::fail;
  write_file(folder + "/part-00.json.gz", gzip(records(60, 1) + "bad\n"));
  CHECK(message_of<DataError>([&] { train_tokenizer(options); }).find(":61: ") !=
        std::string::npos);
}

}  // namespace
}  // namespace sy
