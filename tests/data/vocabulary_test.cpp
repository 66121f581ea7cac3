// SPDX-License-Identifier: Apache-2.0
// The vocabularies without a SentencePiece model: bytes, and bare ids.
#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "lib/data/loader.h"
#include "lib/data/text/c4_reader.h"
#include "lib/data/tokenizer/vocabulary.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using Ids = std::vector<int32_t>;

TEST_CASE("vocabulary: bytes have ByT5's ids", "[vocabulary]") {
  const Tokenizer bytes(kByteTokenizer, 125);
  CHECK(bytes.size() == 384);
  CHECK(bytes.pad() == 0);
  CHECK(bytes.eos() == 1);
  CHECK(bytes.unk() == 2);
  CHECK(bytes.sentinel(0) == 259);
  CHECK(bytes.sentinel(124) == 383);
  CHECK(bytes.sentinel_number(260) == 1);
  CHECK(bytes.sentinel_number(258) == -1);
  // "é" is C3 A9.
  CHECK(bytes.encode("a \xC3\xA9\n") == Ids{100, 35, 198, 172, 13});
  CHECK(bytes.pieces("a \xC3\n") == std::vector<std::string>{"a", " ", "<0xC3>", "<0x0A>"});
  CHECK(bytes.encode("").empty());
}

TEST_CASE("vocabulary: a sentinel that is spelled out is one id", "[vocabulary]") {
  const Tokenizer bytes(kByteTokenizer, 12);
  CHECK(bytes.encode("a<extra_id_11>b") == Ids{100, 270, 101});
  for (const char* other :
       {"<extra_id_12>", "<extra_id_>", "<extra_id_-1>", "<extra_id_1", "<b>"}) {
    CHECK(bytes.encode(other).size() == std::string(other).size());
  }
  CHECK(bytes.find_piece("<extra_id_3>") == 262);
  CHECK(bytes.find_piece("<0x00>") == 3);
  CHECK_FALSE(bytes.find_piece("ab"));
}

TEST_CASE("vocabulary: every byte comes back", "[vocabulary]") {
  const Tokenizer bytes(kByteTokenizer, 4);
  std::string text;
  for (int byte = 0; byte < 256; ++byte) text.push_back(static_cast<char>(byte));
  text += "<extra_id_3>x";
  const Ids ids = bytes.encode(text);
  CHECK(ids.size() == 258);
  CHECK(bytes.decode(ids) == text);
  CHECK(bytes.decode({0, 1, 2, 100}) == "a");
}

TEST_CASE("vocabulary: what a checkpoint stores for bytes is read as bytes", "[vocabulary]") {
  const std::string path = temporary_folder() + "/tokenizer.model";
  write_file(path, byte_tokenizer_model());
  CHECK(is_byte_tokenizer(path));
  CHECK(Tokenizer(path, 10).encode("a") == Ids{100});
  CHECK_FALSE(is_byte_tokenizer(small_model()));
  CHECK_FALSE(is_byte_tokenizer("no file"));
}

RunConfig config_of_ids() {
  RunConfig config;
  config.data.format = DataFormat::ids;
  config.data.extra_ids = 20;
  config.model.vocab_size = {false, 100};
  return config;
}

TEST_CASE("vocabulary: bare ids, the last of which are sentinels", "[vocabulary]") {
  RunConfig config = config_of_ids();
  config.model.eos_id = {false, 7};
  const auto ids = open_tokenizer(config);
  CHECK(ids->size() == 100);
  CHECK(ids->eos() == 7);
  CHECK(ids->pad() == 0);
  CHECK(ids->sentinel(0) == 99);
  CHECK(ids->sentinel(19) == 80);
  CHECK(ids->decode({5, 99}) == "5 99");
  CHECK(ids->find_piece("42") == 42);
  CHECK_FALSE(ids->find_piece("100"));
  CHECK_THROWS_AS(ids->encode("a"), InternalError);
}

TEST_CASE("vocabulary: lists of ids are read; others are counted with their line", "[vocabulary]") {
  const std::string path = temporary_folder() + "/a.jsonl";
  write_file(path,
             "{\"ids\": [2, 79, 0]}\n{\"ids\": [2, 80]}\n{\"ids\": [-1]}\n{\"ids\": [1.5]}\n"
             "{\"ids\": [\"3\"]}\n{\"ids\": []}\n{\"ids\": 3}\n{\"other\": [3]}\n{\"ids\": [3\n"
             "{\"ids\": [99999999999999999999]}\n\n{\"ids\": [4], \"text\": \"b\"}");
  ReaderOptions options;
  options.text_key = "ids";
  Ledger ledger(BadRecordPolicy::skip);
  C4Reader reader(path, options, ledger);
  Ids ids = {9};
  REQUIRE(reader.next(ids, 80));
  CHECK(ids == Ids{2, 79, 0});
  REQUIRE(reader.next(ids, 80));
  CHECK(ids == Ids{4});
  CHECK(reader.line() == 12);
  CHECK_FALSE(reader.next(ids, 80));
  const DataCounters counters = ledger.counters();
  CHECK(counters.invalid_id == 4);
  CHECK(counters.empty_text == 1);
  CHECK(counters.missing_text == 2);
  CHECK(counters.malformed == 2);  // an integer of more than 64 bits is no JSON to simdjson
  CHECK(counters.bad() == 9);
  Ledger strict(BadRecordPolicy::fail);
  C4Reader other(path, options, strict);
  REQUIRE(other.next(ids, 80));
  const std::string message = message_of<DataError>([&] { other.next(ids, 80); });
  for (const char* word : {"a.jsonl:2: ", "item 1", "`ids`", "80", "from 0 to 79"}) {
    CHECK_THAT(message, Catch::Contains(word));
  }
}

std::vector<Example> load(const RunConfig& config, std::vector<StreamState>* states, int batches) {
  LoaderPlace place;
  place.num_streams = place.total_streams = config.data.streams;
  place.examples_per_stream = 2;
  Loader loader(config.data, config.data.train, place, 5, open_tokenizer(config));
  if (!states->empty()) loader.restore(*states);
  std::vector<Example> examples;
  for (int i = 0; i < batches; ++i) {
    const std::vector<Example>& batch = loader.next();
    examples.insert(examples.end(), batch.begin(), batch.end());
  }
  *states = loader.state();
  return examples;
}

// Series of consecutive numbers, so that a window shows where it was cut.
TEST_CASE("vocabulary: examples of ids, and a resume", "[vocabulary]") {
  const std::string path = temporary_folder() + "/a.jsonl";
  std::string lines;
  for (int line = 0; line < 40; ++line) {
    lines += "{\"values\": [";
    for (int i = 0; i < 60; ++i) lines += (i == 0 ? "" : ", ") + std::to_string(8 + i);
    lines += "]}\n";
  }
  write_file(path, lines);
  RunConfig config = config_of_ids();
  config.data.train = {path};
  config.data.text_key = "values";
  config.data.objective = GENERATE(Objective::next_token, Objective::ul2);
  config.data.encoder_length = 30;
  config.data.streams = 2;
  std::vector<StreamState> none, states;
  const std::vector<Example> whole = load(config, &none, 6);
  load(config, &states, 2);
  const std::vector<Example> rest = load(config, &states, 4);
  for (size_t i = 0; i < rest.size(); ++i) {
    CHECK(rest[i].inputs == whole[i + 8].inputs);
    CHECK(rest[i].targets == whole[i + 8].targets);
  }
  for (const Example& example : whole) {
    CHECK(example.targets.back() == 1);
    if (config.data.objective == Objective::ul2) continue;
    CHECK(example.inputs == Ids{1});
    REQUIRE(example.targets.size() == 30);
    for (size_t i = 1; i + 1 < example.targets.size(); ++i) {
      const bool starts = example.targets[i] == 8;
      CHECK((starts || example.targets[i] == example.targets[i - 1] + 1));
    }
  }
}

}  // namespace
}  // namespace sy
