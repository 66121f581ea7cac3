// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/c4_reader.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "lib/base/error.h"
#include "tests/data/support.h"
#include "tests/support/sample.h"
#include "tests/support/sample_text.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

struct Reading {
  std::vector<std::string> texts;
  DataCounters counters;
};

Reading read(const std::string& path, ReaderOptions options = {},
             BadRecordPolicy policy = BadRecordPolicy::skip) {
  Ledger ledger(policy);
  C4Reader reader(path, options, ledger);
  Reading reading;
  std::string_view text;
  while (reader.next(text)) reading.texts.emplace_back(text);
  reading.counters = ledger.counters();
  return reading;
}

using Texts = std::vector<std::string>;

TEST_CASE("c4_reader: keys in any order, spacing, escapes and line ends", "[c4_reader]") {
  const std::string path = temporary_folder() + "/a.jsonl";
  write_file(path,
             "\xEF\xBB\xBF{\"text\":\"bom\"}\n"
             "{ \"timestamp\" : 1 , \"text\" : \"spaced\" , \"url\" : {\"text\": 3} }\r\n"
             "\n   \n"
             "{\"meta\":[{\"text\":\"inner\"}],\"text\":\"a\\n\\u00e9\\\"\\ud83d\\ude00\"}\n"
             "{\"te\\u0078t\":\"escaped key\"}\n"
             "{\"text\":\"no line end\"}");
  const Reading reading = read(path);
  CHECK(reading.texts ==
        Texts{"bom", "spaced", "a\n\u00e9\"\U0001F600", "escaped key", "no line end"});
  CHECK(reading.counters.bad() == 0);
}

TEST_CASE("c4_reader: other keys may hold what Python's json module reads", "[c4_reader]") {
  const std::string path = temporary_folder() + "/a.jsonl";
  const std::string big(400, '9');
  write_file(path,
             "{\"n\":NaN,\"text\":\"nan\"}\n"
             "{\"text\":\"infinite\",\"n\":[Infinity,-Infinity,{\"x\":1e400}]}\n"
             "{\"id\":" +
                 big +
                 ",\"text\":\"big\"}\n"
                 "{\"id\":-18446744073709551616.5E+9,\"text\":\"wide\"}\n"
                 "{\"title\":\"\\ud83d\",\"text\":\"half a pair\"}\n"
                 "{\"text\":\"a\\ud83d\\n\\udc00\\ud83d\\ude00\\ud83d\\u0041\",\"n\":NaN}\n");
  const Reading reading = read(path);
  CHECK(reading.texts ==
        Texts{"nan", "infinite", "big", "wide", "half a pair", "a\uFFFD\n\uFFFD\U0001F600\uFFFDA"});
  CHECK(reading.counters.bad() == 0);
}

TEST_CASE("c4_reader: the text is under the key that is asked for", "[c4_reader]") {
  const std::string path = temporary_folder() + "/a.jsonl";
  write_file(path,
             "{\"text\":\"no\",\"content\":\"yes\"}\n{\"text\":\"no\",\"content\":5}\n"
             "{\"content\":\"\"}\n{\"n\":NaN,\"content\":\"also\"}\n");
  ReaderOptions options;
  options.text_key = "content";
  const Reading reading = read(path, options);
  CHECK(reading.texts == Texts{"yes", "also"});
  CHECK(reading.counters.missing_text == 1);
  CHECK(reading.counters.empty_text == 1);
}

TEST_CASE("c4_reader: a corrupt shard is counted once, however often it is met", "[c4_reader]") {
  const std::string path = temporary_folder() + "/a.json.gz";
  write_file(path, gzip(records(50, 1)).substr(0, 500));
  Ledger ledger(BadRecordPolicy::skip);
  for (int epoch = 0; epoch < 3; ++epoch) {
    C4Reader reader(path, {}, ledger);
    for (std::string_view text; reader.next(text);) {
    }
    CHECK(reader.fault() == "holds gzip data that is cut off");
  }
  CHECK(ledger.counters().corrupt_shards == 1);
}

TEST_CASE("c4_reader: a shard in C4's form, text for text", "[c4_reader]") {
  const Reading reading = read(sample().folder + "/c4-train.00001-of-00003.json.gz");
  REQUIRE(static_cast<int>(reading.texts.size()) == kSampleDocuments);
  CHECK(reading.counters.bad() == 0);
  for (uint32_t i = 0; i < kSampleDocuments; ++i) {
    CAPTURE(i);
    CHECK(reading.texts[i] == sample_document(2, i));
  }
}

TEST_CASE("c4_reader: shards of C4 and mC4 as they are", "[c4_reader]") {
  for (const auto& [name, documents] :
       {std::pair("data/c4/c4-train.00000-of-00003.json.gz", 1000),
        std::pair("data/multilingual/c4-af.tfrecord-00000-of-00064.json.gz", 3),
        std::pair("data/multilingual/oscar_dummy_all_langs.jsonl", 320)}) {
    const auto path = shared_file(name);
    if (!path) return;
    const Reading reading = read(*path);
    CHECK(static_cast<int>(reading.texts.size()) == documents);
    CHECK(reading.counters.bad() == 0);
  }
}

struct BadLine {
  const char* name;
  std::string line;
  int64_t DataCounters::*counter;
  const char* reason;
};

std::vector<BadLine> bad_lines() {
  return {
      {"cut", R"({"text":"abc)", &DataCounters::malformed, "not JSON"},
      {"word", "hello", &DataCounters::malformed, "not JSON"},
      {"comma", R"({"text":"abc",})", &DataCounters::malformed, "not JSON"},
      {"after text", R"({"text":"abc","url":tru})", &DataCounters::malformed, "not JSON"},
      {"two values", R"({"text":"a"} {"text":"b"})", &DataCounters::malformed, "more than one"},
      {"bad number", R"({"text":"a","n":01})", &DataCounters::malformed, "not JSON"},
      {"cut array", "[", &DataCounters::malformed, "array of records"},
      {"control", "{\"text\":\"a\x01z\"}", &DataCounters::malformed, "not JSON"},
      {"lines of CR", "{\"text\":\"a\"}\r{\"text\":\"b\"}", &DataCounters::malformed, "carriage"},
      {"deep", std::string(5000, '['), &DataCounters::malformed, "not JSON"},
      {"utf-8", "{\"text\":\"a\xFF z\"}", &DataCounters::invalid_utf8, "UTF-8"},
      {"cut utf-8", "{\"text\":\"a\xE2\x82\"}", &DataCounters::invalid_utf8, "UTF-8"},
      {"no text", R"({"url":"x"})", &DataCounters::missing_text, "`text`"},
      {"other key", R"({"content":"x","id":3})", &DataCounters::missing_text,
       "its keys are `content`, `id`; set data.text_key"},
      {"list", R"({"text":["a","b"]})", &DataCounters::missing_text, "an array and not a string"},
      {"number", R"({"text":5})", &DataCounters::missing_text, "`text`"},
      {"null", R"({"text":null})", &DataCounters::missing_text, "`text`"},
      {"array", R"(["text","abc"])", &DataCounters::missing_text, "`text`"},
      {"empty", R"({"text":""})", &DataCounters::empty_text, "empty"},
      {"long", record(std::string(3000, 'x')), &DataCounters::too_long, "max_document_bytes"},
  };
}

TEST_CASE("c4_reader: a bad line is counted and its neighbours are used", "[c4_reader]") {
  ReaderOptions options;
  options.max_document_bytes = 2000;
  for (const BadLine& bad : bad_lines()) {
    CAPTURE(bad.name);
    if (std::string(bad.name) == "deep") options.max_document_bytes = 6000;
    const std::string path = temporary_folder() + "/a.json.gz";
    write_file(path, gzip(record("before") + bad.line + "\n" + record("after")));
    const Reading reading = read(path, options);
    CHECK(reading.texts == Texts{"before", "after"});
    CHECK(reading.counters.*bad.counter == 1);
    CHECK(reading.counters.bad() == 1);
    const std::string message =
        message_of<DataError>([&] { read(path, options, BadRecordPolicy::fail); });
    CHECK(message.find(path + ":2: ") != std::string::npos);
    CHECK(message.find(bad.reason) != std::string::npos);
    CHECK(message.find("data.on_bad_record: skip") != std::string::npos);
    options.max_document_bytes = 2000;
  }
}

TEST_CASE("c4_reader: the longest line allowed is read, one byte more is not", "[c4_reader]") {
  const std::string path = temporary_folder() + "/a.json";
  const int64_t length = GENERATE(100, 262143, 262144, 262145, 600000);
  const std::string line = record(std::string(static_cast<size_t>(length), 'x'));
  write_file(path, line + line + record("end"));
  ReaderOptions options;
  options.max_document_bytes = static_cast<int64_t>(line.size()) - 1;  // without its end
  CHECK(read(path, options).texts.size() == 3);
  --options.max_document_bytes;
  CHECK(read(path, options).texts == Texts{"end"});
  CHECK(read(path, options).counters.too_long == 2);
}

TEST_CASE("c4_reader: a line of 100 MB passes in constant memory", "[c4_reader]") {
  const std::string folder = temporary_folder();
  const std::string path = folder + (GENERATE(true, false) ? "/a.json" : "/a.json.gz");
  {
    const std::string content =
        record("before") + record(std::string(100'000'000, 'x')) + record("after");
    write_file(path, path.ends_with("gz") ? gzip(content) : content);
  }
  ReaderOptions options;
  options.max_document_bytes = 1 << 20;
  reset_peak_memory();
  const int64_t before = peak_memory();
  const Reading reading = read(path, options);
  CHECK(peak_memory() - before < (8 << 20));
  CHECK(reading.texts == Texts{"before", "after"});
  CHECK(reading.counters.too_long == 1);
}

TEST_CASE("c4_reader: a shard cut off is used up to the fault and counted once", "[c4_reader]") {
  const std::string path = temporary_folder() + "/a.json.gz", text = records(50, 1);
  const std::string packed = gzip(text);
  write_file(path, packed.substr(0, packed.size() / 2));
  const Reading whole = read(path);
  CHECK(whole.texts.size() > 5);
  CHECK(whole.texts.size() < 50);
  CHECK(whole.counters.corrupt_shards == 1);
  CHECK(whole.counters.bad() == 1);  // the record that is cut is the fault, not a second one
  CHECK(message_of<DataError>([&] { read(path, {}, BadRecordPolicy::fail); }).find("cut off") !=
        std::string::npos);
  int64_t documents = 0, faults = 0;
  for (int64_t part = 0; part < 3; ++part) {
    ReaderOptions options;
    options.part = part;
    options.parts = 3;
    const Reading reading = read(path, options);
    documents += static_cast<int64_t>(reading.texts.size());
    faults += reading.counters.corrupt_shards;
  }
  CHECK(documents == static_cast<int64_t>(whole.texts.size()));
  CHECK(faults == 1);
}

TEST_CASE("c4_reader: a shard that is not there is counted, or an error", "[c4_reader]") {
  const std::string path = temporary_folder() + "/none.json.gz";
  const Reading reading = read(path);
  CHECK(reading.texts.empty());
  CHECK(reading.counters.corrupt_shards == 1);
  const std::string message = message_of<DataError>([&] { read(path, {}, BadRecordPolicy::fail); });
  CHECK(message.find("cannot be opened") != std::string::npos);
  CHECK(message.find(path) != std::string::npos);
}

TEST_CASE("c4_reader: parts and skipping cut up the same records", "[c4_reader]") {
  const std::string path = temporary_folder() + "/a.json.zst";
  write_file(path, zstd(records(5, 1) + "bad\n" + records(6, 2)));
  const Texts all = read(path).texts;
  REQUIRE(all.size() == 11);
  int64_t bad = 0;
  std::vector<Texts> parts;
  for (int64_t part = 0; part < 3; ++part) {
    ReaderOptions options;
    options.part = part;
    options.parts = 3;
    const Reading reading = read(path, options);
    bad += reading.counters.malformed;
    parts.push_back(reading.texts);
  }
  CHECK(bad == 1);
  CHECK(parts[0] == Texts{all[0], all[3], all[5], all[8]});
  CHECK(parts[1] == Texts{all[1], all[4], all[6], all[9]});
  CHECK(parts[2] == Texts{all[2], all[7], all[10]});

  Ledger ledger(BadRecordPolicy::skip);
  C4Reader reader(path, {}, ledger);
  reader.skip(6);
  std::string_view text;
  REQUIRE(reader.next(text));
  CHECK(text == all[5]);
  CHECK(reader.line() == 7);
  CHECK(ledger.counters().bad() == 0);  // it was told when it was first passed
}

TEST_CASE("c4_reader: reading stops when cancelled", "[c4_reader]") {
  const std::string path = temporary_folder() + "/a.json";
  write_file(path, records(5, 1));
  const std::atomic<bool> cancelled{true};
  ReaderOptions options;
  options.cancelled = &cancelled;
  CHECK_THROWS_AS(read(path, options), Cancelled);
}

}  // namespace
}  // namespace sy
