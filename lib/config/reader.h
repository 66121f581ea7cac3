// Walks a YAML tree and the structs' field lists side by side, and collects every fault with its
// place. The walk is as deep as the structs, so aliases and nesting in the file cannot make it
// long.
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

  // From now on places are "--set key" instead of lines of the file.
  void begin_override(const std::string& key);

  // Reads the whole tree into `config`; what it leaves out stays.
  void read(const YAML::Node& root, RunConfig& config);

  // Reads `node` into the key `path` of `config`, which may be unknown.
  void assign(const std::string& path, const YAML::Node& node, RunConfig& config);

  void fault(Place place, const std::string& path, const std::string& what);

  // A sentence of find_faults: its place is where its key was set, else where its section is.
  void range_fault(const std::string& sentence);

  // Keys whose value was given and could not be read.
  const std::vector<std::string>& unread_keys() const { return unread_; }

  // One ConfigError with a line for each fault, in the order of places; nothing where none is.
  void throw_faults();

 private:
  struct Entry {
    std::string key;
    Place place;
    YAML::Node value;
    bool repeated = false;
    bool known = false;
  };
  struct Fault {
    int source;  // 0: the file, then the overrides in their order
    Place place;
    std::string line;
  };

  std::vector<Entry> entries_of(const YAML::Node& mapping, const std::string& path);
  void fault_unknown(Place place, const std::string& section, const std::string& key);

  template <class T>
  void read_value(const YAML::Node& node, const std::string& path, T& value);
  template <Section S>
  void read_section(const YAML::Node& node, const std::string& path, S& section);
  void read_list(const YAML::Node& node, const std::string& path, std::vector<std::string>& list);
  template <class T>
  void read_leaf(const YAML::Node& node, const std::string& path, T& value);

  // True when the key was found: `rest` is what remains of its path below `path`.
  template <Section S>
  bool assign_below(const std::string& path, const std::string& rest, const YAML::Node& node,
                    S& section);

  std::string where(int source, Place place) const;

  std::string file_;
  std::vector<std::string> overrides_;
  std::map<std::string, std::pair<int, Place>> places_;  // where each key was set last
  std::vector<std::string> unread_;
  std::vector<Fault> faults_;
};

}  // namespace sy
