// SPDX-License-Identifier: Apache-2.0
#include "lib/data/tokenizer/tokenizer.h"

#include <simdjson.h>

#include <catch2/catch.hpp>
#include <map>
#include <thread>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/base/wire_format.h"
#include "lib/data/text/c4_reader.h"
#include "lib/data/tokenizer/sentencepiece_model.h"
#include "tests/data/sha1.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

std::vector<int32_t> ids_of(simdjson::dom::element list) {
  std::vector<int32_t> ids;
  for (const int64_t id : list.get_array()) ids.push_back(static_cast<int32_t>(id));
  return ids;
}

std::string digest(const std::vector<int32_t>& ids) {
  return sha1({reinterpret_cast<const char*>(ids.data()), ids.size() * 4});
}

// T5's own model and the one that has its sentinels must come out the same.
std::vector<std::string> t5_models() {
  std::vector<std::string> paths;
  for (const char* name : {"data/tokenizer/t5.model", "data/tokenizer/t5-100extra.model"}) {
    if (const auto path = shared_file(name)) paths.push_back(*path);
  }
  return paths;
}

TEST_CASE("tokenizer: T5's ids for edge cases", "[tokenizer]") {
  CHECK(sha1("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  const auto vectors = shared_file("vectors/t5_tokenization_100extra.jsonl");
  if (!vectors) return;
  for (const std::string& model : t5_models()) {
    const Tokenizer tokenizer(model, 100);
    CHECK(tokenizer.size() == 32100);
    CHECK(tokenizer.sentinels() == 100);
    CHECK(tokenizer.sentinel(0) == 32099);
    CHECK(tokenizer.sentinel(99) == 32000);
    simdjson::dom::parser parser;
    simdjson::dom::document_stream cases = parser.load_many(*vectors);
    for (simdjson::dom::element item : cases) {
      const std::string_view text = item["text"];
      CAPTURE(model, text);
      CHECK(tokenizer.encode(text) == ids_of(item["ids"]));
      CHECK(tokenizer.decode(ids_of(item["ids"])) == std::string_view(item["decoded"]));
    }
  }
}

TEST_CASE("tokenizer: T5's ids for documents of C4", "[tokenizer]") {
  const auto vectors = shared_file("vectors/c4_token_hashes.jsonl");
  if (!vectors) return;
  std::map<std::string, std::vector<std::string>> documents;
  Ledger ledger(BadRecordPolicy::fail);
  for (const std::string& model : t5_models()) {
    const Tokenizer tokenizer(model, 100);
    simdjson::dom::parser parser;
    simdjson::dom::document_stream cases = parser.load_many(*vectors);
    for (simdjson::dom::element item : cases) {
      const std::string_view name = item["file"];
      const std::string file(name);
      auto& texts = documents[file];
      if (texts.empty()) {
        const auto path = shared_file("data/c4/" + file);
        if (!path) return;
        C4Reader reader(*path, {}, ledger);
        std::string_view text;
        while (reader.next(text)) texts.emplace_back(text);
      }
      const uint64_t line = item["line"];
      const std::vector<int32_t> ids = tokenizer.encode(texts.at(line));
      CAPTURE(model, file, line);
      CHECK(static_cast<int64_t>(ids.size()) == int64_t{item["n"]});
      CHECK(digest(ids) == std::string_view(item["sha1_int32le"]));
    }
  }
}

TEST_CASE("tokenizer: sentinels are appended, in T5's order and spelling", "[tokenizer]") {
  const int64_t extra = GENERATE(0, 1, 20, 300);
  const Tokenizer plain(small_model(), 0), tokenizer(small_model(), extra);
  CHECK(plain.size() == 300);
  CHECK(tokenizer.size() == 300 + extra);
  CHECK(tokenizer.sentinels() == extra);
  const std::string text = "kalo mites vanqi.";
  CHECK(tokenizer.encode(text) == plain.encode(text));
  if (extra == 0) return;
  CHECK(tokenizer.piece(tokenizer.sentinel(0)) == "\u2581<extra_id_0>");
  CHECK(tokenizer.piece(300) == sentinel_piece(extra - 1));
  const std::vector<int32_t> ids = tokenizer.encode("kalo <extra_id_0> mites");
  CHECK(std::count(ids.begin(), ids.end(), tokenizer.sentinel(0)) == 1);
}

TEST_CASE("tokenizer: a model with sentinels of its own", "[tokenizer]") {
  const std::string folder = temporary_folder(), path = folder + "/own.model";
  std::string model = read_file(small_model());
  append_sentinels(model, 10);
  write_file(path, model);
  CHECK(Tokenizer(path, 10).size() == 310);
  CHECK(Tokenizer(path, 0).sentinels() == 10);
  CHECK(message_of<DataError>([&] { Tokenizer(path, 20); }).find("10 sentinels") !=
        std::string::npos);
  append_sentinels(model, 1);  // <extra_id_0> twice
  write_file(path, model);
  CHECK_THROWS_AS(Tokenizer(path, 10), DataError);
}

struct TestPiece {
  std::string text;
  int type;  // 1: normal, 2: unknown, 3: control, 4: user-defined
};

// A unigram model of these pieces, written field by field.
std::string model_of(const std::vector<TestPiece>& pieces) {
  std::string model;
  for (const TestPiece& piece : pieces) {
    std::string message;
    append_bytes_field(message, 1, piece.text);
    append_float_field(message, 2, piece.type == 1 ? -1.0f : 0.0f);
    append_varint_field(message, 3, static_cast<uint64_t>(piece.type));
    append_bytes_field(model, 1, message);
  }
  std::string trainer, normalizer;
  append_varint_field(trainer, 3, 1);  // unigram
  append_bytes_field(normalizer, 1, "identity");
  append_bytes_field(model, 2, trainer);
  append_bytes_field(model, 3, normalizer);
  return model;
}

TEST_CASE("tokenizer: SentencePiece's default ids are the model's own", "[tokenizer]") {
  const std::string path = temporary_folder() + "/default.model";
  write_file(path,
             model_of({{"<unk>", 2}, {"<s>", 3}, {"</s>", 3}, {"\u2581", 1}, {"a", 1}, {"b", 1}}));
  const Tokenizer tokenizer(path, 4);
  CHECK(tokenizer.eos() == 2);
  CHECK(tokenizer.unk() == 0);
  CHECK_FALSE(tokenizer.pad());
  CHECK(tokenizer.size() == 10);
  CHECK(tokenizer.encode("ab") == std::vector<int32_t>{3, 4, 5});
  CHECK(tokenizer.encode("a?") == std::vector<int32_t>{3, 4, 0});
  const TokenizerInfo info = tokenizer.info();
  CHECK(info.eos == AutoInt{false, 2});
  CHECK(info.pad.is_auto);

  write_file(path, model_of({{"<unk>", 2}, {"<s>", 3}, {"\u2581", 1}, {"a", 1}}));
  CHECK(message_of<DataError>([&] { Tokenizer(path, 4); }).find(path) != std::string::npos);
}

TEST_CASE("tokenizer: sentinels are found by name, wherever they stand", "[tokenizer]") {
  const std::string path = temporary_folder() + "/sentinels.model";
  const std::string mark = GENERATE("", "\u2581");
  write_file(path, model_of({{"<pad>", 3},
                             {"</s>", 3},
                             {"<unk>", 2},
                             {mark + "<extra_id_1>", 4},
                             {"\u2581", 1},
                             {mark + "<extra_id_0>", 4},
                             {"a", 1},
                             {mark + "<extra_id_2>", 4},
                             {"b", 1}}));
  const Tokenizer tokenizer(path, 3);
  CAPTURE(mark);
  CHECK(tokenizer.size() == 9);
  CHECK(tokenizer.sentinels() == 3);
  CHECK(tokenizer.sentinel(0) == 5);
  CHECK(tokenizer.sentinel(1) == 3);
  CHECK(tokenizer.sentinel(2) == 7);
  CHECK(tokenizer.sentinel_number(3) == 1);
  CHECK(tokenizer.sentinel_number(4) == -1);
  CHECK(tokenizer.pad() == 0);
  const std::vector<int32_t> ids = tokenizer.encode("a <extra_id_1> b");
  CHECK(std::count(ids.begin(), ids.end(), 3) == 1);
  CHECK(Tokenizer(path, 0).sentinels() == 3);
  CHECK_THROWS_AS(Tokenizer(path, 4), DataError);
}

TEST_CASE("tokenizer: files that are no model are named with the reason", "[tokenizer]") {
  const std::string path = temporary_folder() + "/bad.model";
  const auto message = [&](const std::string& content) {
    write_file(path, content);
    return message_of<DataError>([&] { Tokenizer(path, 100); });
  };
  CHECK(message("").find("it is empty") != std::string::npos);
  for (const std::string& content :
       {std::string("hello"), std::string(5000, '\0'), std::string(5000, '\xFF'),
        std::string("\x0A\x03\x0A\x01q"), records(10, 1)}) {
    CHECK(message(content).find(path) != std::string::npos);
  }
  CHECK(message_of<DataError>([&] { Tokenizer(path + ".none", 100); }).find("No such file") !=
        std::string::npos);
  const std::string folder = temporary_folder();
  const auto folder_message = [&] {
    return message_of<DataError>([&] { Tokenizer(folder, 100); });
  };
  CHECK(folder_message().find("it is a folder") != std::string::npos);
  write_file(folder + "/spiece.model", "");
  CHECK(folder_message().find("give its spiece.model") != std::string::npos);
  CHECK(message("version https://git-lfs.github.com/spec/v1\noid sha256:0\n").find("Git LFS") !=
        std::string::npos);
  CHECK(message("{\"version\": \"1.0\"}").find("spiece.model") != std::string::npos);
}

TEST_CASE("tokenizer: a model cut off anywhere is an error", "[tokenizer]") {
  const std::string path = temporary_folder() + "/cut.model", whole = read_file(small_model());
  for (size_t size = 0; size < whole.size(); size += 1 + size / 50) {
    CAPTURE(size);
    write_file(path, whole.substr(0, size));
    CHECK_THROWS_AS(Tokenizer(path, 20), DataError);
  }
}

TEST_CASE("tokenizer: a model with broken bytes is an error or works, and never crashes",
          "[tokenizer]") {
  const std::string path = temporary_folder() + "/broken.model", whole = read_file(small_model());
  const RandomKey key{5, 0, 0};
  int64_t refused = 0;
  for (uint32_t round = 0; round < 150; ++round) {
    std::string broken = whole;
    for (uint32_t i = 0; i <= round % 3; ++i) {
      const uint32_t draw = 10 * round + 2 * i;
      broken[random_below(key, draw, static_cast<uint32_t>(whole.size()))] ^=
          static_cast<char>(1 + random_below(key, draw + 1, 255));
    }
    write_file(path, broken);
    try {
      const Tokenizer tokenizer(path, 20);
      const std::vector<int32_t> ids =
          tokenizer.encode("kalo MITES \u00e9\uFB01\u3000 \U0001F600.");
      tokenizer.decode(ids);
    } catch (const DataError&) {
      ++refused;
    }
  }
  CHECK(refused > 20);
}

TEST_CASE("tokenizer: threads may share one", "[tokenizer]") {
  const auto tokenizer = small_tokenizer();
  const std::string text = records(30, 3);
  const std::vector<int32_t> expected = tokenizer->encode(text);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) wrong[t] += tokenizer->encode(text) != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

}  // namespace
}  // namespace sy
