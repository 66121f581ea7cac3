// SPDX-License-Identifier: Apache-2.0
// Reads a configuration value from the text of a YAML scalar. Stricter than YAML's own conversions:
// likely mistakes (yes for true, 1e6 for an integer, .inf) are errors that come with a remedy.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "lib/config/names.h"

namespace sy {

struct Scalar {
  std::string text;
  bool quoted = false;  // quoted text is never a number, a boolean or null
};

// Each sets `value` and returns "", or leaves it unchanged and returns "what is wrong; remedy".
std::string read_scalar(const Scalar& scalar, int64_t& value);
std::string read_scalar(const Scalar& scalar, double& value);
std::string read_scalar(const Scalar& scalar, bool& value);
std::string read_scalar(const Scalar& scalar, std::string& value);
std::string read_scalar(const Scalar& scalar, AutoInt& value);
std::string read_scalar(const Scalar& scalar, AutoNumber& value);

// Sets `index` to the position of the word in `choices`.
std::string read_choice(const Scalar& scalar, Words choices, size_t& index);

template <class Enum>
requires std::is_enum_v<Enum> std::string read_scalar(const Scalar& scalar, Enum& value) {
  size_t index = 0;
  std::string error = read_choice(scalar, words(value), index);
  if (error.empty()) value = static_cast<Enum>(index);
  return error;
}

// The text in a form that is safe in a message: shortened, with control characters replaced.
// quote() also puts it in quotes.
std::string printable(std::string_view text);
std::string quote(std::string_view text);

// True for the spellings of null in YAML: empty text, ~ and null.
bool is_null(std::string_view text);

}  // namespace sy
