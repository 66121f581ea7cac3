// SPDX-License-Identifier: Apache-2.0
#include "lib/config/keys.h"

#include <algorithm>
#include <numeric>

namespace sy {
namespace {

// Longer words are not mistyped keys, and computing the distance takes quadratic time.
constexpr size_t kMaxWord = 64;

template <Section S>
void collect_keys(S& section, const std::string& path, std::vector<std::string>& keys) {
  auto visit = [&](const char* key, auto& member, const char*) {
    const std::string key_path = join_key(path, key);
    keys.push_back(key_path);
    if constexpr (Section<decltype(member)>) collect_keys(member, key_path, keys);
    if constexpr (SectionList<decltype(member)>) {
      typename std::remove_cvref_t<decltype(member)>::value_type item;
      collect_keys(item, key_path + "[]", keys);
    }
  };
  section.fields(visit);
}

// The largest edit distance between a mistyped word and the intended one.
int tolerance(std::string_view word) {
  return std::max<int>(1, static_cast<int>(word.size()) / 3);
}

}  // namespace

std::string join_key(const std::string& section, std::string_view key) {
  return section.empty() ? std::string(key) : section + "." + std::string(key);
}

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> paths;
    RunConfig config;
    collect_keys(config, "", paths);
    return paths;
  }();
  return keys;
}

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, previous[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

std::string nearest_key(const std::string& section, std::string_view key) {
  if (key.size() > kMaxWord) return "";
  std::string best;
  // A score is twice the distance, plus one for a key of another section.
  int best_score = 2 * tolerance(key) + 2;
  for (const std::string& path : known_keys()) {
    const size_t dot = path.rfind('.');
    const std::string parent = dot == std::string::npos ? "" : path.substr(0, dot);
    const std::string_view last = std::string_view(path).substr(parent.empty() ? 0 : dot + 1);
    const int score = 2 * edit_distance(key, last) + (parent == section ? 0 : 1);
    if (score < best_score) {
      best_score = score;
      best = path;
    }
  }
  return best;
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& words) {
  if (word.size() > kMaxWord) return "";
  std::string best;
  int best_distance = tolerance(word) + 1;
  for (const std::string& candidate : words) {
    const int distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace sy
