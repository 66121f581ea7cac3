// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/config_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>
#include <string_view>

#include "lib/base/error.h"

namespace sy::convert {
namespace {

// The length of the JSON string at text[begin], quotes included.
size_t string_length(std::string_view text, size_t begin) {
  size_t end = begin + 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size()) - begin;
}

// Python writes numbers that JSON does not have; none of the keys that are read may be one.
std::string without_python_numbers(std::string_view text) {
  static constexpr std::string_view kWords[] = {"NaN", "-Infinity", "Infinity"};
  std::string json;
  while (!text.empty()) {
    size_t length = text[0] == '"' ? string_length(text, 0) : 1;
    std::string_view copied = text.substr(0, length);
    for (const std::string_view word : kWords) {
      if (!text.starts_with(word)) continue;
      length = word.size();
      copied = "null";
    }
    json += copied;
    text.remove_prefix(length);
  }
  return json;
}

}  // namespace

ConfigJson::ConfigJson(const std::string& text, std::string path,
                       const std::vector<std::string>& overrides)
    : path_(std::move(path)) {
  try {
    values_ = Json::parse(without_python_numbers(text));
  } catch (const Json::exception& error) {
    throw DataError(fmt::format("{} is not a JSON object: {}", path_, error.what()));
  }
  if (!values_.is_object()) throw DataError(fmt::format("{} is not a JSON object", path_));
  for (const std::string& override : overrides) add_override(override);
}

// The value is JSON (12, true, null), or else text without quotes.
void ConfigJson::add_override(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError(fmt::format("--set {}: write it as KEY=VALUE", text));
  }
  const std::string value = text.substr(equals + 1);
  Json parsed = Json::parse(value, /*cb=*/nullptr, /*allow_exceptions=*/false);
  values_[text.substr(0, equals)] = parsed.is_discarded() ? Json(value) : std::move(parsed);
}

bool ConfigJson::has(const char* key) const {
  const auto found = values_.find(key);
  return found != values_.end() && !found->is_null();
}

template <class Good>
const nlohmann::json* ConfigJson::find(const char* key, const char* kind, const Good& good) {
  if (!has(key)) return nullptr;
  const Json& value = values_.at(key);
  if (good(value)) return &value;
  error(key, fmt::format("is not {}", kind));
  return nullptr;
}

int64_t ConfigJson::integer(const char* key, int64_t fallback) {
  const Json* value = find(key, "an integer", [](const Json& json) {
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    return json.is_number_integer() && (!json.is_number_unsigned() || json.get<uint64_t>() <= kMax);
  });
  return value == nullptr ? fallback : value->get<int64_t>();
}

double ConfigJson::number(const char* key, double fallback) {
  const Json* value = find(key, "a number", [](const Json& json) { return json.is_number(); });
  return value == nullptr ? fallback : value->get<double>();
}

bool ConfigJson::boolean(const char* key, bool fallback) {
  const Json* value =
      find(key, "true or false", [](const Json& json) { return json.is_boolean(); });
  return value == nullptr ? fallback : value->get<bool>();
}

std::string ConfigJson::text(const char* key, const std::string& fallback) {
  const Json* value = find(key, "text", [](const Json& json) { return json.is_string(); });
  return value == nullptr ? fallback : value->get<std::string>();
}

void ConfigJson::error(const std::string& key, const std::string& problem) {
  errors_.push_back(fmt::format("{}: {} {}", path_, key, problem));
}

void ConfigJson::throw_errors() const {
  if (!errors_.empty()) throw DataError(fmt::format("{}", fmt::join(errors_, "\n")));
}

}  // namespace sy::convert
