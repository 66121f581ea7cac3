// SPDX-License-Identifier: Apache-2.0
// Options that take one of several words, and options that have an effect beside others only.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <utility>
#include <vector>

namespace sy {

// What the words of an option mean, in the order in which help and errors name them.
template <class T>
using Choices = std::vector<std::pair<std::string, T>>;

// The error for a word that is none of `words`, without the option's name.
std::string not_a_choice(const std::string& word, const std::vector<std::string>& words);

// Lets an option, whose value is an enumeration, take these words. CLI11's own error names the
// words with their numbers.
template <class T>
void take_choices(CLI::Option* option, const Choices<T>& choices) {
  std::vector<std::string> words;
  for (const auto& choice : choices) words.push_back(choice.first);
  option->type_name(CLI::detail::join(words, "|"))
      ->transform(CLI::Validator(
          [choices, words](std::string& word) {
            for (const auto& [name, value] : choices) {
              if (name != word) continue;
              word = std::to_string(static_cast<int>(value));
              return std::string();
            }
            return not_a_choice(word, words);
          },
          ""));
}

// Refuses an option that was given and has no effect: throws ConfigError unless it is `useful`.
// `use` says where it has one, such as "--strategy beam".
void check_use(const CLI::App& app, const char* option, bool useful, const std::string& use);

// Throws DataError that names `option` if the tokenizer that it gives cannot be read.
void check_tokenizer_file(const std::string& path, const char* option);

}  // namespace sy
