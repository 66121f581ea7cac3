// SPDX-License-Identifier: Apache-2.0
#include "lib/config/text_rules.h"

#include <algorithm>
#include <set>

namespace sy {
namespace {

void check_entries(Checker& check, std::string_view key, const std::vector<std::string>& globs) {
  for (size_t i = 0; i < globs.size(); ++i) {
    check.require(!globs[i].empty(), key, "entry {} is empty; give a shard or glob", i);
  }
}

void check_globs(Checker& check, std::string_view key, const std::vector<std::string>& globs) {
  check.require(!globs.empty(), key, "is an empty list; give at least one shard or glob");
  check_entries(check, key, globs);
}

void check_corpus(Checker& check, const std::string& section, const CorpusSection& corpus) {
  check.require(is_name(corpus.name), section + "name",
                "'{}' is not a word of letters, digits and _ - . such as en; give one",
                corpus.name);
  check_globs(check, section + "train", corpus.train);
  check_entries(check, section + "validation", corpus.validation);
  check.automatic(section + "size", corpus.size);
  check.automatic(section + "rate", corpus.rate);
}

// Sizes and rates have a meaning only beside each other's.
void check_all_or_none(Checker& check, const std::vector<CorpusSection>& corpora,
                       AutoNumber CorpusSection::*member, const char* key, const char* remedy) {
  const auto given =
      std::count_if(corpora.begin(), corpora.end(),
                    [&](const CorpusSection& corpus) { return !(corpus.*member).is_auto; });
  check.require(given == 0 || given == std::ssize(corpora), key,
                "{} of the {} corpora have one; {}", given, corpora.size(), remedy);
}

void check_corpora(Checker& check, const RunConfig& config) {
  const std::vector<CorpusSection>& corpora = config.data.corpora;
  std::set<std::string> names;
  for (size_t i = 0; i < corpora.size(); ++i) {
    const std::string section = fmt::format("data.corpora[{}].", i);
    check_corpus(check, section, corpora[i]);
    check.require(names.insert(corpora[i].name).second, section + "name",
                  "'{}' is the name of an earlier one; give each its own", corpora[i].name);
  }
  check_all_or_none(check, corpora, &CorpusSection::size, "data.corpora[].size",
                    "give each a size in the same unit, or leave all of them to auto");
  check_all_or_none(check, corpora, &CorpusSection::rate, "data.corpora[].rate",
                    "give each a rate, or leave all of them to data.mixture");
  const bool evaluated =
      std::any_of(corpora.begin(), corpora.end(),
                  [](const CorpusSection& corpus) { return !corpus.validation.empty(); });
  check.require(config.train.eval_every <= 0 || evaluated, "train.eval_every",
                "{} asks for evaluations, but none of data.corpora has validation shards; give "
                "one of them some, or set 0",
                config.train.eval_every);
  check.require(config.data.tasks.empty(), "data.corpora",
                "cannot be combined with data.tasks; leave one of them empty");
}

}  // namespace

bool is_name(const std::string& text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return !text.empty() && text[0] != '.' && std::all_of(text.begin(), text.end(), fits);
}

void check_text(Checker& check, const RunConfig& config) {
  const DataSection& data = config.data;
  check.not_negative("data.mixture.exponent", data.mixture.exponent);
  check.not_negative("data.mixture.cap", data.mixture.cap);
  if (!data.corpora.empty()) return check_corpora(check, config);
  check_globs(check, "data.train", data.train);
  if (config.train.eval_every > 0) check_globs(check, "data.validation", data.validation);
}

}  // namespace sy
