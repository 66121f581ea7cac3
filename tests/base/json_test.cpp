// SPDX-License-Identifier: Apache-2.0
#include "lib/base/json.h"

#include <catch2/catch.hpp>

#include <limits>

#include "lib/base/error.h"

namespace sy {
namespace {

constexpr JsonLimits kLimits{.bytes = 100, .depth = 3};

TEST_CASE("json: a line keeps the members' order and spaces them as Python does", "[json]") {
  const Json inner{{"z", 1}};
  CHECK(json_line(inner) == R"({"z": 1})");
  CHECK(json_line({{"b", {1, 2, 3}}, {"a", inner}, {"none", nullptr}, {"empty", Json::array()}}) ==
        R"({"b": [1, 2, 3], "a": {"z": 1}, "none": null, "empty": []})");
  CHECK(json_line(Json("a\"b\\c\n\x01\u00e9")) == R"("a\"b\\c\n\u0001é")");
  CHECK(json_line(Json("a\xffz")) == "\"a\uFFFDz\"");
}

TEST_CASE("json: doubles read back to the same bits, and what is not finite is null", "[json]") {
  for (const double value : {0.1, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, -0.0, 1e22, 25.0}) {
    INFO(value);
    const std::string line = json_line(value);
    CHECK(Json::parse(line).get<double>() == value);
  }
  CHECK(json_line(std::numeric_limits<double>::quiet_NaN()) == "null");
  CHECK(json_line(-std::numeric_limits<double>::infinity()) == "null");
}

TEST_CASE("json: a fault is told with its file and place", "[json]") {
  CHECK(parse_json("{\"a\": [1]}", "f", kLimits).at("a").at(0) == 1);
  const auto complaint = [](const std::string& text) -> std::string {
    try {
      parse_json(text, "some/file", kLimits);
      return "";
    } catch (const DataError& error) {
      return error.what();
    }
  };
  CHECK(complaint("{\"a\": 1,\n \"b\": x}") ==
        "some/file is not JSON: syntax error at line 2, column 7");
  CHECK(complaint("") == "some/file is not JSON: syntax error at line 1, column 1");
  CHECK(complaint("[1] 2") == "some/file is not JSON: syntax error at line 1, column 5");
  CHECK(complaint("\"\xff\"") == "some/file is not JSON: syntax error at line 1, column 2");
  CHECK(complaint("[[[1]]]").empty());
  CHECK(complaint("[[[[1]]]]") == "some/file is nested more than 3 levels deep");
  CHECK(complaint(std::string(100, '[')) == "some/file is nested more than 3 levels deep");
  CHECK(complaint(std::string(101, ' ')) ==
        "some/file is too large: 101 bytes, and at most 100 are read");
  CHECK(complaint("[1e999]") == "some/file is not JSON that can be read: a number is out of range");
}

}  // namespace
}  // namespace sy
