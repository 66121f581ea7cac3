// Every key of a configuration by its path, and the nearest of them to a word that is none.
#pragma once

#include <string>
#include <string_view>
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

// "model" and "d_model" give "model.d_model"; an empty section gives the key itself.
std::string join_key(const std::string& section, std::string_view key);

// Paths of all keys, sections included, in the order of the structs.
const std::vector<std::string>& known_keys();

// The known key nearest to `key` in `section`, by the distance of the last words; keys of the same
// section win ties. "" when none is near.
std::string nearest_key(const std::string& section, std::string_view key);

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
int edit_distance(std::string_view a, std::string_view b);

// The nearest of `words` if it is near enough to be a slip of the finger, else "".
std::string nearest_word(std::string_view word, const std::vector<std::string>& words);

}  // namespace sy
