// SPDX-License-Identifier: Apache-2.0
#include "lib/config/reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lib/base/error.h"

namespace sy {

void ConfigReader::begin_override(const std::string& key) {
  overrides_.push_back(key);
}

void ConfigReader::read(const YAML::Node& root, RunConfig& config) {
  read_section(root, "", config);
}

void ConfigReader::assign(const std::string& path, const YAML::Node& node, RunConfig& config) {
  if (assign_below("", path, node, config)) return;
  const size_t dot = path.rfind('.');
  const bool nested = dot != std::string::npos;
  error_unknown({}, nested ? path.substr(0, dot) : "", nested ? path.substr(dot + 1) : path);
}

template <Section S>
bool ConfigReader::assign_below(const std::string& path, const std::string& rest,
                                const YAML::Node& node, S& section) {
  const size_t dot = rest.find('.');
  const std::string head = rest.substr(0, dot);
  bool found = false;
  auto visit = [&](const char* key, auto& member, const char*) {
    if (head != key) return;
    const std::string key_path = join_key(path, key);
    if (dot == std::string::npos) {
      read_value(node, key_path, member);
      found = true;
    } else if constexpr (Section<decltype(member)>) {
      found = assign_below(key_path, rest.substr(dot + 1), node, member);
    }
  };
  section.fields(visit);
  return found;
}

template <class T>
void ConfigReader::read_value(const YAML::Node& node, const std::string& path, T& value) {
  places_[path] = {static_cast<int>(overrides_.size()), place_of(node.Mark())};
  if constexpr (Section<T>) {
    read_section(node, path, value);
  } else if constexpr (SectionList<T> || std::is_same_v<T, std::vector<std::string>> ||
                       std::is_same_v<T, AutoInts>) {
    read_list(node, path, value);
  } else {
    read_leaf(node, path, value);
  }
}

template <Section S>
void ConfigReader::read_section(const YAML::Node& node, const std::string& path, S& section) {
  if (node.IsNull()) return;  // all of its keys are commented out
  if (!node.IsMap()) {
    if (!path.empty()) unread_.push_back(path);
    error(place_of(node.Mark()), path,
          fmt::format("expected a mapping of keys, got {}; write `key: value` lines",
                      describe(node)));
    return;
  }
  std::vector<Entry> entries = entries_of(node, path);
  auto visit = [&](const char* key, auto& member, const char*) {
    for (Entry& entry : entries) {
      if (entry.key != key) continue;
      entry.known = true;
      if (!entry.repeated) read_value(entry.value, join_key(path, key), member);
    }
  };
  section.fields(visit);
  for (const Entry& entry : entries) {
    if (!entry.known && !entry.repeated) error_unknown(entry.place, path, entry.key);
  }
}

std::vector<ConfigReader::Entry> ConfigReader::entries_of(const YAML::Node& mapping,
                                                          const std::string& path) {
  std::vector<Entry> entries;
  std::map<std::string, int> first_lines;
  for (const auto& pair : mapping) {
    const Place place = place_of(pair.first.Mark());
    if (!pair.first.IsScalar()) {
      error(place, path, fmt::format("a key must be a plain word, got {}", describe(pair.first)));
      continue;
    }
    Entry entry{pair.first.Scalar(), place, pair.second};
    const auto [first, added] = first_lines.emplace(entry.key, place.line);
    if (!added) {
      entry.repeated = true;
      error(place, join_key(path, printable(entry.key)),
            fmt::format("duplicate key, first set on line {}; remove one of them", first->second));
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

void ConfigReader::error_unknown(Place place, const std::string& section, const std::string& key) {
  const std::string nearest = nearest_key(section, key);
  if (!nearest.empty()) unread_.push_back(nearest);  // its default is not the intended value
  const std::string remedy = nearest.empty() ? "docs/configuration.md lists the keys"
                                             : fmt::format("did you mean {}?", nearest);
  error(place, join_key(section, printable(key)), "unknown key; " + remedy);
}

// Reports a node that is no list.
bool ConfigReader::is_list(const YAML::Node& node, const std::string& path, const char* example) {
  std::erase(unread_, path);
  if (node.IsSequence()) return true;
  unread_.push_back(path);
  error(place_of(node.Mark()), path,
        fmt::format("expected a list, got {}; write it as {}", describe(node), example));
  return false;
}

template <Section S>
void ConfigReader::read_list(const YAML::Node& node, const std::string& path,
                             std::vector<S>& list) {
  if (!is_list(node, path, "[{key: value}, {key: value}]")) return;
  list.clear();
  for (const auto& item : node) {
    const std::string item_path = fmt::format("{}[{}]", path, list.size());
    read_value(item, item_path, list.emplace_back());
  }
}

void ConfigReader::read_list(const YAML::Node& node, const std::string& path,
                             std::vector<std::string>& list) {
  if (!is_list(node, path, "[\"first\", \"second\"]")) return;
  list.clear();
  for (const auto& item : node) {
    std::string& text = list.emplace_back("?");
    read_leaf(item, fmt::format("{}[{}]", path, list.size() - 1), text);
  }
}

void ConfigReader::read_list(const YAML::Node& node, const std::string& path, AutoInts& list) {
  std::erase(unread_, path);
  list = {};
  if (node.IsScalar() && node.Scalar() == "auto") return;
  if (!node.IsSequence()) {
    unread_.push_back(path);
    error(place_of(node.Mark()), path,
          fmt::format("expected a list of integers or auto, got {}; write it as [1, 3]",
                      describe(node)));
    return;
  }
  list.is_auto = false;
  for (const auto& item : node) {
    const size_t number = list.values.size();
    read_leaf(item, fmt::format("{}[{}]", path, number), list.values.emplace_back(0));
  }
}

template <class T>
void ConfigReader::read_leaf(const YAML::Node& node, const std::string& path, T& value) {
  std::string what;
  if (node.IsMap() || node.IsSequence()) {
    what = fmt::format("expected one value, got {}; write `key: value`", describe(node));
  } else {
    const Scalar scalar = node.IsScalar() ? to_scalar(node) : Scalar{};
    what = !scalar.quoted && is_null(scalar.text)
               ? "has no value; give one, or remove the key to use the default"
               : read_scalar(scalar, value);
  }
  std::erase(unread_, path);
  if (what.empty()) return;
  unread_.push_back(path);
  error(place_of(node.Mark()), path, what);
}

void ConfigReader::error(Place place, const std::string& path, const std::string& what) {
  const int source = static_cast<int>(overrides_.size());
  // The place of an override is its key, which the message need not repeat.
  const bool said = source > 0 && path == overrides_.back();
  const std::string subject = path.empty() || said ? "" : path + ": ";
  errors_.push_back({source, place, fmt::format("{}: {}{}", where(source, place), subject, what)});
}

void ConfigReader::range_error(const std::string& message) {
  std::string path = message.substr(0, message.find(':'));
  const std::string key = path;
  // Goes up from the key through its sections to one that the file or an override contains.
  while (!path.empty() && !places_.contains(path)) {
    const size_t dot = path.rfind('.');
    path = dot == std::string::npos ? "" : path.substr(0, dot);
  }
  const auto [source, place] = path.empty() ? std::pair{0, Place{1, 1}} : places_.at(path);
  const bool said = source > 0 && overrides_[static_cast<size_t>(source) - 1] == key;
  const std::string text = said ? message.substr(key.size() + 2) : message;
  errors_.push_back({source, place, fmt::format("{}: {}", where(source, place), text)});
}

std::string ConfigReader::where(int source, Place place) const {
  if (source > 0) return "--set " + overrides_[static_cast<size_t>(source) - 1];
  return place.line == 0 ? file_ : fmt::format("{}:{}:{}", file_, place.line, place.column);
}

void ConfigReader::throw_errors() {
  if (errors_.empty()) return;
  std::stable_sort(errors_.begin(), errors_.end(), [](const Located& a, const Located& b) {
    return std::tie(a.source, a.place.line, a.place.column) <
           std::tie(b.source, b.place.line, b.place.column);
  });
  constexpr size_t kMaxShown = 50;
  std::vector<std::string> lines;
  for (size_t i = 0; i < std::min(errors_.size(), kMaxShown); ++i) lines.push_back(errors_[i].line);
  if (errors_.size() > kMaxShown) {
    lines.push_back(fmt::format("{}: {} more errors", file_, errors_.size() - kMaxShown));
  }
  throw ConfigError(fmt::format("{}", fmt::join(lines, "\n")));
}

}  // namespace sy
