// SPDX-License-Identifier: Apache-2.0
// Files with a JSON value per line, plain or compressed by gzip or zstd.
#pragma once

#include <simdjson.h>

#include <functional>
#include <string>

namespace sy {

// A line of a file, for messages: what it must hold is said in `expected`, such as "a text".
class JsonLine {
 public:
  JsonLine(simdjson::dom::element value, std::string place, const std::string& expected)
      : value_(value), place_(std::move(place)), expected_(expected) {}

  simdjson::dom::element value() const { return value_; }
  const std::string& place() const { return place_; }  // "line 3 of FILE"

  // Throws DataError: place, and what is expected there.
  [[noreturn]] void fail() const;
  std::string text(simdjson::dom::element value) const;  // fails unless it is a text
  // Of the line's object; fails without one, or without the key.
  simdjson::dom::element at(const char* key) const;

 private:
  simdjson::dom::element value_;
  std::string place_;
  const std::string& expected_;
};

// Calls use(line) for each line. Throws DataError naming the file that cannot be read, or the line
// that is no JSON.
void for_each_json_line(const std::string& path, const std::string& expected,
                        const std::function<void(const JsonLine&)>& use);

}  // namespace sy
