// SPDX-License-Identifier: Apache-2.0
#include "lib/data/tokenizer/sentence_sampler.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "lib/base/error.h"
#include "lib/data/text/shard_list.h"

namespace sy {
namespace {

double size_of_file(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return error ? 1.0 : std::max(1.0, static_cast<double>(bytes));
}

void check_weights(size_t groups, const std::vector<double>& weights) {
  if (!weights.empty() && weights.size() != groups) {
    throw ConfigError(
        fmt::format("there are {} weights for {} patterns of shards; give one for each",
                    weights.size(), groups));
  }
  for (const double weight : weights) {
    if (!(weight > 0) || !std::isfinite(weight)) {
      throw ConfigError(fmt::format("a weight of {} is not a positive number", weight));
    }
  }
}

// `share` of what is left to take, at least one.
int64_t part_of(int64_t left, double share) {
  return std::max<int64_t>(1, std::llround(static_cast<double>(left) * share));
}

}  // namespace

std::vector<SampledShard> weigh_groups(const std::vector<std::vector<std::string>>& groups,
                                       const std::vector<double>& weights) {
  check_weights(groups.size(), weights);
  std::vector<SampledShard> shards;
  std::set<std::string> seen;
  for (size_t i = 0; i < groups.size(); ++i) {
    const size_t first = shards.size();
    double total = 0;
    for (const std::string& path : groups[i]) {
      if (!seen.insert(path).second) continue;
      shards.push_back({path, size_of_file(path), 0, 0, false});
      total += shards.back().weight;
    }
    for (size_t s = first; s < shards.size() && !weights.empty(); ++s) {
      shards[s].weight *= weights[i] / total;
    }
  }
  return shards;
}

std::vector<SampledShard> weigh_shards(const std::vector<std::string>& patterns,
                                       const std::vector<double>& weights) {
  std::vector<std::vector<std::string>> groups;
  groups.reserve(patterns.size());
  for (const std::string& pattern : patterns) {
    groups.push_back(expand_globs({pattern}, "--shards"));
  }
  return weigh_groups(groups, weights);
}

bool Sentences::next(std::string& sentence) {
  while (!rest_.empty()) {
    std::string_view line = rest_.substr(0, rest_.find('\n'));
    line = line.substr(0, cut(line));
    rest_.remove_prefix(std::min(line.size() + 1, rest_.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    sentence = line;
    return true;
  }
  return false;
}

size_t Sentences::cut(std::string_view line) {
  if (line.size() <= kLongest) return line.size();
  const size_t blank = line.rfind(' ', kLongest);
  if (blank != std::string_view::npos && blank > 0) return blank;
  size_t end = kLongest;
  while (end > 0 && (static_cast<uint8_t>(line[end]) & 0xC0) == 0x80) --end;
  return end;
}

SentenceSampler::SentenceSampler(std::vector<SampledShard> shards, int64_t max_sentences,
                                 int64_t max_bytes, const ReaderOptions& options, Ledger& ledger)
    : shards_(std::move(shards)),
      positions_(shards_.size()),
      max_sentences_(max_sentences),
      max_bytes_(max_bytes),
      options_(options),
      ledger_(ledger),
      shard_(shards_.size()) {}

bool SentenceSampler::next(std::string& sentence) {
  while (!enough()) {
    if (reader_ == nullptr && !open_next()) return false;
    SampledShard& shard = shards_[shard_];
    if (shard.sentences >= sentence_limit_ || shard.bytes >= byte_limit_) {
      close();
    } else if (advance(sentence)) {
      ++sentences_;
      ++shard.sentences;
      bytes_ += std::ssize(sentence);
      shard.bytes += std::ssize(sentence);
      return true;
    } else {
      shard.whole = true;
      close();
    }
  }
  return false;
}

// Opens the next shard that has text left, in order and then from the first again, and sets its
// share of what is left to take. False if there is none.
bool SentenceSampler::open_next() {
  const auto left = [](const SampledShard& shard) { return !shard.whole; };
  const size_t after = std::min(shard_ + 1, shards_.size());
  auto found = std::find_if(shards_.begin() + static_cast<int64_t>(after), shards_.end(), left);
  if (found == shards_.end()) found = std::find_if(shards_.begin(), shards_.end(), left);
  if (found == shards_.end()) return false;
  double weights = 0;  // of this shard and those after it, which share what is left
  for (auto shard = found; shard != shards_.end(); ++shard) {
    if (left(*shard)) weights += shard->weight;
  }
  const double share = found->weight / weights;
  sentence_limit_ = found->sentences + part_of(max_sentences_ - sentences_, share);
  byte_limit_ = found->bytes + part_of(max_bytes_ - bytes_, share);
  shard_ = static_cast<size_t>(found - shards_.begin());
  reader_ = std::make_unique<C4Reader>(found->path, options_, ledger_);
  document_.reset("");
  const Position& position = positions_[shard_];
  reader_->skip(position.line);
  std::string_view text;
  if (position.sentences > 0 && reader_->next(text)) document_.reset(text);
  std::string passed;
  for (document_sentences_ = 0; document_sentences_ < position.sentences; ++document_sentences_) {
    document_.next(passed);
  }
  return true;
}

void SentenceSampler::close() {
  positions_[shard_] = {std::max<int64_t>(reader_->line() - 1, 0), document_sentences_};
  reader_.reset();
}

bool SentenceSampler::advance(std::string& sentence) {
  while (!document_.next(sentence)) {
    std::string_view text;
    if (!reader_->next(text)) return false;
    ledger_.count_document(0);
    document_.reset(text);
    document_sentences_ = 0;
  }
  ++document_sentences_;
  return true;
}

}  // namespace sy
