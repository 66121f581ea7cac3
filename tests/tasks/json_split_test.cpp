// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/json_split.h"

#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

// "LINE:RECORD|" of each record, or what was thrown, without the path of the file.
std::string records_of(std::string_view content, std::string_view list_key = "") {
  const std::string file = temporary_folder() + "/file";
  write_file(file, content);
  std::string seen;
  std::string fault = message_of<DataError>([&] {
    JsonSplit split(file, list_key);
    for (std::string record; split.next(record);) {
      seen += fmt::format("{}{}:{}|", split.path(), split.place().line, record);
    }
  });
  const size_t at = fault.find(file);
  if (at != std::string::npos) fault.replace(at, file.size(), "FILE");
  return seen + fault;
}

TEST_CASE("json_split: lines, lists, and lists under a key", "[json_split]") {
  CHECK(records_of("\xEF\xBB\xBF{\"a\": 1}\r\n\n{\"b\": [{}]}") == "1:{\"a\": 1}|3:{\"b\": [{}]}|");
  CHECK(records_of("{\"a\":\n1}{\"b\":2}\n") == "1:{\"a\":\n1}|2:{\"b\":2}|");
  CHECK(records_of("[\n{\"a\": 1},\n {\"b\": 2}\n]\n") == "2:{\"a\": 1}|3:{\"b\": 2}|");
  CHECK(records_of("{\"version\": 1.1, \"x\": {\"data\": [{}]},\n \"data\": [{\"a\": 1}, {}]}",
                   "data") == "data[0]2:{\"a\": 1}|data[1]2:{}|");
  CHECK(records_of("[{\"a\": 1}]", "data") == "1:{\"a\": 1}|");
}

TEST_CASE("json_split: brackets and quotes within strings are text", "[json_split]") {
  CHECK(records_of("{\"a\": \"}]\\\"{\\\\\"}\n{\"b\": 1}\n") ==
        "1:{\"a\": \"}]\\\"{\\\\\"}|2:{\"b\": 1}|");
  CHECK(records_of("{\"k\\\"data\": \"data\", \"data\": [{\"a\": \"]\"}]}", "data") ==
        "data[0]1:{\"a\": \"]\"}|");
}

TEST_CASE("json_split: records longer than a block, compressed", "[json_split]") {
  const std::string record = "{\"a\": \"" + std::string(700000, 'x') + "\\n\"}";
  const bool both =
      records_of(gzip(record + "\n" + record + "\n")) == "1:" + record + "|2:" + record + "|";
  CHECK(both);  // without printing megabytes if not
}

TEST_CASE("json_split: faults name the line where the record begins", "[json_split]") {
  CHECK_THAT(records_of(""), Catch::StartsWith("the file FILE is empty; "));
  CHECK_THAT(records_of("[]"), Catch::StartsWith("the file FILE holds no record; "));
  CHECK_THAT(records_of("{}\nnot json\n"),
             Catch::StartsWith("1:{}|FILE:2: the line is no JSON object"));
  CHECK_THAT(records_of("{}\n\n{\"a\":\n"),
             Catch::Contains("FILE:3: the file ends within the record"));
  CHECK_THAT(records_of("{}\n{\"a\": \"b}\n"),
             Catch::Contains("FILE:2: the file ends within a string"));
  CHECK_THAT(records_of("[{}, \n"), Catch::Contains("the file ends within a list"));
  CHECK_THAT(records_of("{\"a\": [{}]}", "data"),
             Catch::StartsWith("FILE:1: the file's object has no list `data`"));
}

}  // namespace
}  // namespace sy
