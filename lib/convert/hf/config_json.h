// SPDX-License-Identifier: Apache-2.0
// config.json as typed keys. Errors are collected until all keys have been read.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace sy::convert {

class ConfigJson {
 public:
  // `overrides` are KEY=VALUE and replace keys of the text. A byte order mark, and the NaN and
  // Infinity that Python's json module writes (read as null), are accepted. Throws DataError if the
  // text is not a JSON object, ConfigError if an override is not KEY=VALUE.
  ConfigJson(const std::string& text, std::string path, const std::vector<std::string>& overrides);

  // The value of the key, or the fallback if the key is absent, null or of another type (which is
  // recorded as an error).
  int64_t integer(const char* key, int64_t fallback);
  double number(const char* key, double fallback);
  bool boolean(const char* key, bool fallback);
  std::string text(const char* key, const std::string& fallback);
  bool has(const char* key) const;  // present and not null

  void error(const std::string& key, const std::string& problem);
  // Throws a DataError with a line per error, if there are any.
  void throw_errors() const;

 private:
  using Json = nlohmann::json;

  void add_override(const std::string& text);
  // The key's value if it is present and `good` holds for it, else null; records an error if not.
  template <class Good>
  const Json* find(const char* key, const char* kind, const Good& good);

  std::string path_;
  Json values_;
  std::vector<std::string> errors_;
};

}  // namespace sy::convert
