#include "lib/convert/hf/config_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/checkpoint/json_text.h"

namespace sy::convert {
using checkpoint::json_quote;

ConfigJson::ConfigJson(const std::string& text, std::string path,
                       const std::vector<std::string>& overrides)
    : path_(std::move(path)) {
  simdjson::dom::object object;
  if (const auto error = parsers_.emplace_back().parse(text).get(object)) {
    throw DataError(
        fmt::format("{} is not a JSON object: {}", path_, simdjson::error_message(error)));
  }
  for (const auto& [key, element] : object) values_.insert_or_assign(std::string(key), element);
  for (const std::string& override : overrides) add_override(override);
}

// The value is JSON (12, true, null) or else a text without quotes.
void ConfigJson::add_override(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError(fmt::format("--set {}: write it as KEY=VALUE", text));
  }
  const std::string key = text.substr(0, equals), value = text.substr(equals + 1);
  simdjson::dom::element element;
  if (parsers_.emplace_back().parse(value).get(element) != simdjson::SUCCESS &&
      parsers_.back().parse(json_quote(value)).get(element) != simdjson::SUCCESS) {
    throw ConfigError(fmt::format("--set {}: the value is no text", key));
  }
  values_.insert_or_assign(key, element);
}

bool ConfigJson::has(const char* key) const {
  const auto found = values_.find(key);
  return found != values_.end() && !found->second.is_null();
}

template <class T>
T ConfigJson::value(const char* key, T fallback, const char* kind) {
  if (!has(key)) return fallback;
  T result;
  if (values_.at(key).get(result) == simdjson::SUCCESS) return result;
  fault(key, fmt::format("is not {}", kind));
  return fallback;
}

int64_t ConfigJson::integer(const char* key, int64_t fallback) {
  return value(key, fallback, "an integer");
}
double ConfigJson::number(const char* key, double fallback) {
  return value(key, fallback, "a number");
}
bool ConfigJson::boolean(const char* key, bool fallback) {
  return value(key, fallback, "true or false");
}
std::string ConfigJson::text(const char* key, const std::string& fallback) {
  return std::string(value(key, std::string_view(fallback), "a text"));
}

void ConfigJson::fault(const std::string& key, const std::string& problem) {
  faults_.push_back(fmt::format("{}: {} {}", path_, key, problem));
}

void ConfigJson::throw_faults() const {
  if (!faults_.empty()) throw DataError(fmt::format("{}", fmt::join(faults_, "\n")));
}

}  // namespace sy::convert
