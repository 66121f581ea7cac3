// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "lib/base/error.h"
#include "lib/config/config.h"
#include "lib/config/differences.h"
#include "lib/config/keys.h"
#include "lib/config/scalar.h"

namespace sy {
namespace {

// Plain text that YAML readers interpret as something other than text.
bool is_reserved(const std::string& text) {
  bool flag;
  double number;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const YAML::Node node(lower);
  return is_null(text) || lower == "y" || lower == "n" || lower == "inf" || lower == "nan" ||
         YAML::convert<bool>::decode(node, flag) || YAML::convert<double>::decode(node, number);
}

// Whether no reader needs quotes around the text. The emitter would leave out more of them.
bool is_plain(const std::string& text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || !is_letter(text[0]) || is_reserved(text)) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '/' || c == '.';
  });
}

void emit(YAML::Emitter& out, int64_t value) {
  out << value;
}

void emit(YAML::Emitter& out, bool value) {
  out << value;
}

// The shortest text that reads back as the same number; yaml-cpp would write 17 digits.
void emit(YAML::Emitter& out, double value) {
  const std::string text = fmt::format("{}", value);
  out << (text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text);
}

void emit(YAML::Emitter& out, const AutoInt& value) {
  if (value.is_auto) {
    out << "auto";
  } else {
    out << value.value;
  }
}

void emit(YAML::Emitter& out, const AutoNumber& value) {
  if (value.is_auto) {
    out << "auto";
  } else {
    emit(out, value.value);
  }
}

void emit(YAML::Emitter& out, const AutoInts& value) {
  if (value.is_auto) {
    out << "auto";
  } else {
    out << YAML::Flow << value.values;
  }
}

void emit(YAML::Emitter& out, const std::string& value) {
  if (!is_plain(value)) out << YAML::DoubleQuoted;
  out << value;
}

void emit(YAML::Emitter& out, const std::vector<std::string>& value) {
  out << YAML::Flow << YAML::BeginSeq;
  for (const std::string& text : value) emit(out, text);
  out << YAML::EndSeq;
}

template <class Enum>
requires std::is_enum_v<Enum>
void emit(YAML::Emitter& out, Enum value) {
  out << std::string(name_of(value));
}

template <Section S>
void emit(YAML::Emitter& out, S& section);

// A line for each item.
template <SectionList L>
void emit(YAML::Emitter& out, L& list) {
  if (list.empty()) out << YAML::Flow;
  out << YAML::BeginSeq;
  for (auto& item : list) {
    out << YAML::Flow;
    emit(out, item);
  }
  out << YAML::EndSeq;
}

template <Section S>
void emit(YAML::Emitter& out, S& section) {
  auto visit = [&](const char* key, auto& member, const char*) {
    out << YAML::Key << key << YAML::Value;
    emit(out, member);
  };
  out << YAML::BeginMap;
  section.fields(visit);
  out << YAML::EndMap;
}

template <class T>
std::string to_yaml(T& value) {
  YAML::Emitter out;
  emit(out, value);
  SY_CHECK(out.good(), "YAML: {}", out.GetLastError());
  return out.c_str();
}

const char* type_of(int64_t) {
  return "integer";
}
const char* type_of(double) {
  return "number";
}
const char* type_of(bool) {
  return "true or false";
}
const char* type_of(const AutoInt&) {
  return "integer or auto";
}
const char* type_of(const AutoNumber&) {
  return "number or auto";
}
const char* type_of(const AutoInts&) {
  return "list of integers or auto";
}
const char* type_of(const std::string&) {
  return "text";
}
const char* type_of(const std::vector<std::string>&) {
  return "list of texts";
}
template <SectionList L>
const char* type_of(const L&) {
  return "list of mappings";
}
template <class Enum>
requires std::is_enum_v<Enum> std::string type_of(Enum value) {
  return fmt::format("{}", fmt::join(words(value), ", "));
}

// The text of a cell of a Markdown table, which a bar would end.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

struct Table {
  std::string path;
  std::string doc;
  std::string rows;
};

// Calls use(key, text) with every key and the YAML text of its value.
template <Section S, class Use>
void for_each_value(S& section, const std::string& path, const Use& use) {
  auto visit = [&](const char* key, auto& member, const char*) {
    const std::string key_path = join_key(path, key);
    if constexpr (Section<decltype(member)>) {
      for_each_value(member, key_path, use);
    } else {
      use(key_path, to_yaml(member));
    }
  };
  section.fields(visit);
}

template <Section S>
void collect_tables(S& section, const std::string& path, const std::string& doc,
                    std::vector<Table>& tables) {
  const size_t mine = tables.size();
  tables.push_back({path, doc, ""});
  auto visit = [&](const char* key, auto& member, const char* text) {
    const std::string key_path = join_key(path, key);
    if constexpr (Section<decltype(member)>) {
      collect_tables(member, key_path, text, tables);
    } else {
      tables[mine].rows += fmt::format("| `{}` | {} | `{}` | {} |\n", key_path,
                                       cell(type_of(member)), to_yaml(member), cell(text));
    }
    if constexpr (SectionList<decltype(member)>) {
      typename std::remove_cvref_t<decltype(member)>::value_type item;
      collect_tables(item, key_path + "[]", "an item of that list", tables);
    }
  };
  section.fields(visit);
}

}  // namespace

std::string write_config(const RunConfig& config) {
  RunConfig copy = config;  // fields() yields non-const references
  return to_yaml(copy) + "\n";
}

std::vector<KeyDifference> config_differences(RunConfig was, RunConfig is) {
  std::vector<KeyDifference> all;
  for_each_value(was, "", [&](const std::string& key, const std::string& value) {
    all.push_back({key, value, ""});
  });
  size_t at = 0;
  for_each_value(is, "",
                 [&](const std::string&, const std::string& value) { all[at++].is = value; });
  std::erase_if(all, [](const KeyDifference& each) { return each.was == each.is; });
  return all;
}

std::string write_reference() {
  RunConfig defaults;
  std::vector<Table> tables;
  collect_tables(defaults, "", "Top-level keys", tables);
  std::string out =
      "# Configuration reference\n\n"
      "Generated from `lib/config/run_config.h` by `switchyard config --reference`; edit the keys "
      "there.\n"
      "A key that is left out takes its default. `--set key.path=value` sets one key on the "
      "command\n"
      "line, with the value in YAML syntax; `switchyard config CONFIG` prints the resulting "
      "configuration.\n";
  for (const Table& table : tables) {
    const std::string title =
        table.path.empty() ? table.doc : fmt::format("`{}`: {}", table.path, table.doc);
    out += fmt::format("\n## {}\n\n| key | type | default | meaning |\n|---|---|---|---|\n{}",
                       title, table.rows);
  }
  return out;
}

}  // namespace sy
