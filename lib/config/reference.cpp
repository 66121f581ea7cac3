#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/config/config.h"
#include "lib/config/format.h"
#include "lib/config/keys.h"

namespace sy {
namespace {

std::string type_of(int64_t) {
  return "integer";
}
std::string type_of(double) {
  return "number";
}
std::string type_of(bool) {
  return "true or false";
}
std::string type_of(const AutoInt&) {
  return "integer or auto";
}
std::string type_of(const std::string&) {
  return "text";
}
std::string type_of(const std::vector<std::string>&) {
  return "list of texts";
}
template <class Enum>
requires std::is_enum_v<Enum> std::string type_of(Enum value) {
  return fmt::format("{}", fmt::join(words(value), ", "));
}

// A bar would end the table's cell.
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
                                       cell(type_of(member)), format_value(member), cell(text));
    }
  };
  section.fields(visit);
}

}  // namespace

std::string write_reference() {
  RunConfig defaults;
  std::vector<Table> tables;
  collect_tables(defaults, "", "Keys of the top level", tables);
  std::string out =
      "# Configuration reference\n\n"
      "Generated from `lib/config/run_config.h` by `switchyard config --reference`; change the "
      "keys "
      "there.\n"
      "A key that is left out takes its default. `--set key.path=value` changes one key on the "
      "command\nline, the value in YAML; `switchyard config CONFIG` prints what results.\n";
  for (const Table& table : tables) {
    const std::string title =
        table.path.empty() ? table.doc : fmt::format("`{}`: {}", table.path, table.doc);
    out += fmt::format("\n## {}\n\n| key | type | default | meaning |\n|---|---|---|---|\n{}",
                       title, table.rows);
  }
  return out;
}

}  // namespace sy
