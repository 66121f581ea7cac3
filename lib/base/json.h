// SPDX-License-Identifier: Apache-2.0
// JSON that this program writes, and small documents that it reads (nlohmann-json). Shards of text
// are parsed by simdjson instead (lib/data/text/c4_reader.cpp).
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace sy {

// Members keep the order in which they were added.
using Json = nlohmann::ordered_json;

// The value on one line, spaced as Python's json.dumps does: {"a": 1, "b": [2, 3]}. A double reads
// back to the same bits; NaN and infinities become null, invalid UTF-8 becomes U+FFFD.
std::string json_line(const Json& value);

struct JsonLimits {
  int64_t bytes = 0;
  int depth = 0;  // levels of arrays and objects
};

// Parses a document that may come from anywhere. Throws DataError naming `path`, and the line and
// column of a syntax error.
Json parse_json(const std::string& text, const std::string& path, const JsonLimits& limits);

}  // namespace sy
