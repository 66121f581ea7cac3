// SPDX-License-Identifier: Apache-2.0
// The paths of all configuration keys, and the known key nearest to an unknown word.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

// A struct that lists its keys through fields(visitor).
namespace detail {
struct NullVisitor {
  template <class T>
  void operator()(const char*, T&, const char*) {}
};
}  // namespace detail

template <class T>
concept Section = requires(T& section, detail::NullVisitor& visitor) {
  section.fields(visitor);
};

// A list of such structs.
template <class T>
concept SectionList = requires(T& list) {
  list.clear();
  requires Section<typename std::remove_cvref_t<T>::value_type>;
};

// "model" and "d_model" give "model.d_model"; with an empty section, the key itself.
std::string join_key(const std::string& section, std::string_view key);

// Paths of all keys, including sections, in the order of the structs.
const std::vector<std::string>& known_keys();

// The known key nearest to `key` in `section`, by the edit distance of the last part; keys of the
// same section win ties. "" if none is near.
std::string nearest_key(const std::string& section, std::string_view key);

// The number of insertions, deletions, substitutions and swaps of neighbouring characters that turn
// `a` into `b`.
int edit_distance(std::string_view a, std::string_view b);

// The nearest of `words` if it is near enough for `word` to be a typing error, else "".
std::string nearest_word(std::string_view word, const std::vector<std::string>& words);

}  // namespace sy
