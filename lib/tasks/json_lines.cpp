// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/json_lines.h"

#include "lib/base/error.h"
#include "lib/data/text/line_reader.h"

namespace sy {
namespace {

[[noreturn]] void fail_at(const std::string& place, const std::string& expected) {
  throw DataError(fmt::format("{}: expected {}", place, expected));
}

}  // namespace

void JsonLine::fail() const {
  fail_at(place_, expected_);
}

std::string JsonLine::text(simdjson::dom::element value) const {
  std::string_view text;
  if (value.get(text)) fail();
  return std::string(text);
}

simdjson::dom::element JsonLine::at(const char* key) const {
  simdjson::dom::object object;
  simdjson::dom::element found;
  if (value_.get(object) || object[key].get(found)) fail();
  return found;
}

void for_each_json_line(const std::string& path, const std::string& expected,
                        const std::function<void(const JsonLine&)>& use) {
  constexpr int64_t kMaxBytes = 64 << 20;
  static_assert(LineReader::kPadding >= static_cast<int64_t>(simdjson::SIMDJSON_PADDING));
  try {
    LineReader lines(open_shard(path), kMaxBytes, /*cancelled=*/nullptr);
    simdjson::dom::parser parser;
    std::string_view line;
    for (int64_t number = 1;; ++number) {
      const LineReader::Result result = lines.next(line);
      if (result == LineReader::Result::end) return;
      std::string place = fmt::format("line {} of {}", number, path);
      simdjson::dom::element value;
      if (result == LineReader::Result::too_long ||
          parser.parse(line.data(), line.size(), /*realloc_if_needed=*/false).get(value)) {
        fail_at(place, expected);
      }
      use(JsonLine(value, std::move(place), expected));
    }
  } catch (const ShardFault& fault) {
    throw DataError(fmt::format("{} {}; give a file of JSON lines", path, fault.what()));
  }
}

}  // namespace sy
