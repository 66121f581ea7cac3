// SPDX-License-Identifier: Apache-2.0
#include "cmd/option_checks.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "lib/base/error.h"
#include "lib/data/tokenizer/tokenizer.h"

namespace sy {

std::string not_a_choice(const std::string& word, const std::vector<std::string>& words) {
  std::string listed;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) listed += i + 1 == words.size() ? " or " : ", ";
    listed += words[i];
  }
  return fmt::format("'{}' is not one of the choices; use {}", word, listed);
}

void check_use(const CLI::App& app, const char* option, bool useful, const std::string& use) {
  if (app.count(option) == 0 || useful) return;
  throw ConfigError(fmt::format("{} applies to {} only", option, use));
}

void check_tokenizer_file(const std::string& path, const char* option) {
  if (is_byte_tokenizer(path) || std::ifstream(path)) return;
  throw DataError(fmt::format("the tokenizer {} cannot be read ({}); correct {}", path,
                              std::strerror(errno), option));
}

}  // namespace sy
