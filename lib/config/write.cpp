#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "lib/config/config.h"
#include "lib/config/format.h"
#include "lib/config/keys.h"
#include "lib/config/scalar.h"

namespace sy {
namespace {

template <Section S>
void write_section(S& section, const std::string& indent, std::string& out) {
  auto visit = [&](const char* key, auto& member, const char*) {
    out += indent + key + ":";
    if constexpr (Section<decltype(member)>) {
      out += "\n";
      write_section(member, indent + "  ", out);
    } else {
      out += " " + format_value(member) + "\n";
    }
  };
  section.fields(visit);
}

// Words that some YAML reader takes for something else than text.
bool is_reserved(std::string_view text) {
  static constexpr std::string_view kReserved[] = {"true", "false", "yes", "no",  "on",
                                                   "off",  "y",     "n",   "inf", "nan"};
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return is_null(text) ||
         std::find(std::begin(kReserved), std::end(kReserved), lower) != std::end(kReserved);
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Whether the text can stand without quotes.
bool is_plain(std::string_view text) {
  if (text.empty() || !is_letter(text[0]) || is_reserved(text)) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '/' || c == '.';
  });
}

}  // namespace

std::string format_value(int64_t value) {
  return fmt::format("{}", value);
}

std::string format_value(double value) {
  const std::string text = fmt::format("{}", value);  // the shortest that reads back the same
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

std::string format_value(bool value) {
  return value ? "true" : "false";
}

std::string format_value(const AutoInt& value) {
  return value.is_auto ? "auto" : fmt::format("{}", value.value);
}

std::string format_value(const std::string& value) {
  if (is_plain(value)) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string format_value(const std::vector<std::string>& value) {
  std::string list = "[";
  for (size_t i = 0; i < value.size(); ++i) {
    list += (i == 0 ? "" : ", ") + format_value(value[i]);
  }
  return list + "]";
}

std::string write_config(const RunConfig& config) {
  RunConfig copy = config;  // fields() gives references that are not const
  std::string out;
  write_section(copy, "", out);
  return out;
}

}  // namespace sy
