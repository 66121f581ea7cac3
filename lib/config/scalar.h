// One value of the configuration from the characters of a YAML scalar. Stricter than YAML's own
// conversions: what could be a slip (yes for true, 1e6 for an integer, .inf) is a fault with its
// remedy.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "lib/config/names.h"

namespace sy {

struct Scalar {
  std::string text;
  bool quoted = false;  // quoted text is never a number, a word of choice or null
};

// Each sets `value` and returns "", or leaves it and returns "what is wrong; remedy".
std::string read_scalar(const Scalar& scalar, int64_t& value);
std::string read_scalar(const Scalar& scalar, double& value);
std::string read_scalar(const Scalar& scalar, bool& value);
std::string read_scalar(const Scalar& scalar, std::string& value);
std::string read_scalar(const Scalar& scalar, AutoInt& value);

// The place of the word in `choices`.
std::string read_choice(const Scalar& scalar, Words choices, size_t& index);

template <class Enum>
requires std::is_enum_v<Enum> std::string read_scalar(const Scalar& scalar, Enum& value) {
  size_t index = 0;
  std::string fault = read_choice(scalar, words(value), index);
  if (fault.empty()) value = static_cast<Enum>(index);
  return fault;
}

// The text shortened and with control characters replaced, safe in a message; quote() puts it in
// quotes.
std::string printable(std::string_view text);
std::string quote(std::string_view text);

// True for YAML's spellings of nothing: empty, ~, null.
bool is_null(std::string_view text);

}  // namespace sy
