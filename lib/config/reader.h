// SPDX-License-Identifier: Apache-2.0
// Walks a YAML tree and the field lists of the structs in parallel and collects all errors with
// their places. The depth of the walk is that of the structs, so aliases and nesting in the file
// cannot prolong it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/config/keys.h"
#include "lib/config/yaml_text.h"

namespace sy {

class ConfigReader {
 public:
  explicit ConfigReader(std::string file) : file_(std::move(file)) {}

  // From now on, errors are located at "--set key" instead of a line of the file.
  void begin_override(const std::string& key);

  // Reads the whole tree into `config`; keys that it does not contain are left as they are.
  void read(const YAML::Node& root, RunConfig& config);

  // Reads `node` into the key `path` of `config`; the key may be unknown.
  void assign(const std::string& path, const YAML::Node& node, RunConfig& config);

  void error(Place place, const std::string& path, const std::string& what);

  // A message from find_errors, located where its key was set, or else at the key's section.
  void range_error(const std::string& message);

  // Keys whose values were given but could not be read.
  const std::vector<std::string>& unread_keys() const { return unread_; }

  // Throws one ConfigError with a line per error, in order of place; returns if there are none.
  void throw_errors();

 private:
  struct Entry {
    std::string key;
    Place place;
    YAML::Node value;
    bool repeated = false;
    bool known = false;
  };
  struct Located {
    int source;  // 0: the file; from 1: the overrides in order
    Place place;
    std::string line;
  };

  std::vector<Entry> entries_of(const YAML::Node& mapping, const std::string& path);
  void error_unknown(Place place, const std::string& section, const std::string& key);

  template <class T>
  void read_value(const YAML::Node& node, const std::string& path, T& value);
  template <Section S>
  void read_section(const YAML::Node& node, const std::string& path, S& section);
  void read_list(const YAML::Node& node, const std::string& path, std::vector<std::string>& list);
  void read_list(const YAML::Node& node, const std::string& path, AutoInts& list);
  template <Section S>
  void read_list(const YAML::Node& node, const std::string& path, std::vector<S>& list);
  bool is_list(const YAML::Node& node, const std::string& path, const char* example);
  template <class T>
  void read_leaf(const YAML::Node& node, const std::string& path, T& value);

  // Returns whether the key was found; `rest` is its path below `path`.
  template <Section S>
  bool assign_below(const std::string& path, const std::string& rest, const YAML::Node& node,
                    S& section);

  std::string where(int source, Place place) const;

  std::string file_;
  std::vector<std::string> overrides_;
  std::map<std::string, std::pair<int, Place>> places_;  // where each key was last set
  std::vector<std::string> unread_;
  std::vector<Located> errors_;
};

}  // namespace sy
