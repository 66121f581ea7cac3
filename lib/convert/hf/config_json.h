// A config.json as typed keys. What is wrong with a key is kept until all have been asked for.
#pragma once

#include <simdjson.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sy::convert {

class ConfigJson {
 public:
  // Throws DataError where the text is no JSON object, ConfigError for an override that is no
  // KEY=VALUE.
  ConfigJson(const std::string& text, std::string path, const std::vector<std::string>& overrides);

  // The key's value; the fallback where it is absent or null, or wrong (a fault is then noted).
  int64_t integer(const char* key, int64_t fallback);
  double number(const char* key, double fallback);
  bool boolean(const char* key, bool fallback);
  std::string text(const char* key, const std::string& fallback);
  bool has(const char* key) const;  // and not null

  void fault(const std::string& key, const std::string& problem);
  // Throws a DataError with a line for each fault, if there are any.
  void throw_faults() const;

 private:
  template <class T>
  T value(const char* key, T fallback, const char* kind);
  void add_override(const std::string& text);

  std::string path_;
  std::deque<simdjson::dom::parser> parsers_;  // own what the elements point to
  std::map<std::string, simdjson::dom::element> values_;
  std::vector<std::string> faults_;
};

}  // namespace sy::convert
