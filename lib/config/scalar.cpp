// SPDX-License-Identifier: Apache-2.0
#include "lib/config/scalar.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace sy {
namespace {

// The number without a plus sign, which from_chars does not accept.
std::string_view unsigned_text(const std::string& text) {
  std::string_view view = text;
  if (view.size() > 1 && view[0] == '+' && view[1] != '-') view.remove_prefix(1);
  return view;
}

template <class T>
std::errc parse_whole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end != text.data() + text.size()) return std::errc::invalid_argument;
  return error;
}

std::string quoted_error(const Scalar& scalar, std::string_view wanted) {
  return fmt::format("expected {}, got the text {}; remove the quotes", wanted, quote(scalar.text));
}

std::string read_integer(const Scalar& scalar, int64_t& value, std::string_view wanted,
                         const std::string& remedy) {
  if (scalar.quoted) return quoted_error(scalar, wanted);
  int64_t parsed = 0;
  const std::string_view text = unsigned_text(scalar.text);
  const std::errc error = parse_whole(text, parsed);
  if (error == std::errc::result_out_of_range) {
    return fmt::format("{} does not fit into 64 bits; use a smaller number", quote(scalar.text));
  }
  if (error == std::errc()) {
    value = parsed;
    return "";
  }
  double number = 0;
  const bool whole = parse_whole(text, number) == std::errc() && std::abs(number) < 9e15 &&
                     number == std::floor(number);
  return fmt::format("expected {}, got {}; {}", wanted, quote(scalar.text),
                     whole ? fmt::format("write {:.0f}", number) : remedy);
}

std::string read_number(const Scalar& scalar, double& value, std::string_view wanted,
                        const std::string& remedy) {
  if (scalar.quoted) return quoted_error(scalar, wanted);
  double parsed = 0;
  const std::errc error = parse_whole(unsigned_text(scalar.text), parsed);
  if (error == std::errc::result_out_of_range) {
    return fmt::format("{} is outside the range of 64-bit numbers; use a value closer to 1",
                       quote(scalar.text));
  }
  if (error != std::errc() || !std::isfinite(parsed)) {
    return fmt::format("expected {}, got {}; {}", wanted, quote(scalar.text), remedy);
  }
  value = parsed;
  return "";
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr size_t kLongest = 48;
  size_t end = std::min(text.size(), kLongest);
  // Do not cut a UTF-8 character in two.
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
  }
  std::string shown(text.substr(0, end));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return end == text.size() ? shown : shown + "...";
}

std::string quote(std::string_view text) {
  return "'" + printable(text) + "'";
}

bool is_null(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

std::string read_scalar(const Scalar& scalar, int64_t& value) {
  return read_integer(scalar, value, "an integer",
                      fmt::format("write a whole number such as {}", value));
}

std::string read_scalar(const Scalar& scalar, double& value) {
  return read_number(scalar, value, "a number",
                     fmt::format("write a finite number such as {}", value));
}

std::string read_scalar(const Scalar& scalar, bool& value) {
  if (scalar.quoted) return quoted_error(scalar, "true or false");
  if (scalar.text != "true" && scalar.text != "false") {
    return fmt::format("expected true or false, got {}; write true or false", quote(scalar.text));
  }
  value = scalar.text == "true";
  return "";
}

std::string read_scalar(const Scalar& scalar, std::string& value) {
  value = scalar.text;
  return "";
}

std::string read_scalar(const Scalar& scalar, AutoInt& value) {
  if (scalar.text == "auto") {
    value = AutoInt{};
    return "";
  }
  int64_t parsed = 0;
  std::string error =
      read_integer(scalar, parsed, "an integer or auto", "write a whole number or auto");
  if (error.empty()) value = AutoInt{false, parsed};
  return error;
}

std::string read_scalar(const Scalar& scalar, AutoNumber& value) {
  if (scalar.text == "auto") {
    value = AutoNumber{};
    return "";
  }
  double parsed = 0;
  std::string error =
      read_number(scalar, parsed, "a number or auto", "write a finite number or auto");
  if (error.empty()) value = AutoNumber{false, parsed};
  return error;
}

std::string read_choice(const Scalar& scalar, Words choices, size_t& index) {
  for (size_t i = 0; i < choices.size(); ++i) {
    if (scalar.text == choices[i]) {
      index = i;
      return "";
    }
  }
  const auto last = choices.size() - 1;
  return fmt::format("{} is not one of the choices; use {} or {}", quote(scalar.text),
                     fmt::join(choices.first(last), ", "), choices[last]);
}

}  // namespace sy
