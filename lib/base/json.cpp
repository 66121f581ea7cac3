// SPDX-License-Identifier: Apache-2.0
#include "lib/base/json.h"

#include <algorithm>

#include "lib/base/error.h"

namespace sy {
namespace {

std::string scalar_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void append(std::string& line, const Json& value) {
  if (!value.is_structured()) {
    line += scalar_text(value);
    return;
  }
  const char* separator = "";
  line += value.is_object() ? '{' : '[';
  for (const auto& [key, item] : value.items()) {
    line += separator;
    if (value.is_object()) line += scalar_text(key) + ": ";
    append(line, item);
    separator = ", ";
  }
  line += value.is_object() ? '}' : ']';
}

// "line 3, column 14" of the byte at `offset`, both from 1.
std::string place_in(const std::string& text, size_t offset) {
  const auto end = text.begin() + static_cast<int64_t>(std::min(offset, text.size()));
  const auto line = std::count(text.begin(), end, '\n') + 1;
  const auto begin = std::find(std::make_reverse_iterator(end), text.rend(), '\n').base();
  return fmt::format("line {}, column {}", line, end - begin + 1);
}

}  // namespace

std::string json_line(const Json& value) {
  std::string line;
  append(line, value);
  return line;
}

Json parse_json(const std::string& text, const std::string& path, const JsonLimits& limits) {
  if (static_cast<int64_t>(text.size()) > limits.bytes) {
    throw DataError(fmt::format("{} is too large: {} bytes, and at most {} are read", path,
                                text.size(), limits.bytes));
  }
  const auto check_depth = [&](int depth, Json::parse_event_t event, const Json&) {
    const bool begins =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (begins && depth >= limits.depth) {
      throw DataError(fmt::format("{} is nested more than {} levels deep", path, limits.depth));
    }
    return true;
  };
  try {
    return Json::parse(text, check_depth);
  } catch (const Json::parse_error& error) {
    const size_t offset = error.byte == 0 ? 0 : error.byte - 1;
    throw DataError(
        fmt::format("{} is not JSON: syntax error at {}", path, place_in(text, offset)));
  } catch (const Json::out_of_range&) {
    throw DataError(fmt::format("{} is not JSON that can be read: a number is out of range", path));
  }
}

}  // namespace sy
