// SPDX-License-Identifier: Apache-2.0
#include "lib/data/tokenizer/tokenizer_train.h"

#include <fmt/ranges.h>
#include <sentencepiece_trainer.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <set>
#include <unordered_map>

#include "lib/base/error.h"
#include "lib/data/corpora.h"

namespace sy {
namespace {

// Sentences for SentencePiece. It is not made for exceptions, so one of ours ends the text and is
// kept to be rethrown.
class SentenceFeed : public sentencepiece::SentenceIterator {
 public:
  explicit SentenceFeed(SentenceSampler& sampler) : sampler_(sampler) { Next(); }

  bool done() const override { return done_; }
  const std::string& value() const override { return sentence_; }
  sentencepiece::util::Status status() const override { return {}; }

  void Next() override {
    try {
      done_ = !sampler_.next(sentence_);
    } catch (...) {
      error_ = std::current_exception();
      done_ = true;
    }
  }

  void rethrow() const {
    if (error_ != nullptr) std::rethrow_exception(error_);
  }

 private:
  SentenceSampler& sampler_;
  std::string sentence_;
  bool done_ = false;
  std::exception_ptr error_;
};

std::unordered_map<std::string, std::string> arguments(const TrainTokenizerOptions& options) {
  std::unordered_map<std::string, std::string> arguments{
      {"model_type", "unigram"},
      {"vocab_size", std::to_string(options.vocab_size)},
      {"character_coverage", fmt::format("{}", options.character_coverage)},
      {"pad_id", "0"},
      {"eos_id", "1"},
      {"unk_id", "2"},
      {"bos_id", "-1"},
      {"normalization_rule_name", "nmt_nfkc"},
      {"byte_fallback", options.byte_fallback ? "true" : "false"},
      {"max_sentence_length", std::to_string(Sentences::kLongest + 1)},
      // SentencePiece would draw a sample of its own from the machine's entropy.
      {"input_sentence_size", "0"},
      {"shuffle_input_sentence", "false"},
      // Sums over threads depend on the number of threads.
      {"num_threads", "4"},
      {"minloglevel", "1"},
  };
  if (!options.user_symbols.empty()) {
    arguments["user_defined_symbols"] = fmt::format("{}", fmt::join(options.user_symbols, ","));
  }
  return arguments;
}

void write_whole(const std::string& path, const std::string& content) {
  const std::string partial = path + ".partial";
  std::FILE* file = std::fopen(partial.c_str(), "wb");
  bool written = file != nullptr;
  if (written) {
    written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
    written = std::fclose(file) == 0 && written;
  }
  if (!written || std::rename(partial.c_str(), path.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    std::remove(partial.c_str());
    throw RuntimeFailure(
        fmt::format("the tokenizer cannot be written to {} ({}); name a path in a writable folder",
                    path, reason));
  }
}

void check_symbols(const std::vector<std::string>& symbols) {
  const std::set<std::string> own{"<pad>", "</s>", "<unk>"};
  std::set<std::string> seen;
  for (const std::string& symbol : symbols) {
    const auto refuse = [&](const char* why) {
      throw ConfigError(fmt::format("the user-defined symbol '{}' {}", symbol, why));
    };
    if (symbol.empty()) refuse("is empty; leave it out");
    if (symbol.find_first_of(",\" \t\r\n") != std::string::npos) {
      refuse("has a comma, a quotation mark or a blank; choose one without");
    }
    if (own.contains(symbol) || symbol.starts_with("<extra_id_")) {
      refuse("is one of the tokenizer's own; choose another");
    }
    if (!seen.insert(symbol).second) refuse("is given twice; leave one out");
  }
}

void check(const TrainTokenizerOptions& options) {
  constexpr int64_t kSpecials = 3;
  if (options.vocab_size <= kSpecials || options.vocab_size > (1 << 24)) {
    throw ConfigError(fmt::format("a vocabulary of {} pieces cannot be trained; use 100 to 250,000",
                                  options.vocab_size));
  }
  if (!(options.character_coverage > 0 && options.character_coverage <= 1)) {
    throw ConfigError(fmt::format("a character coverage of {} is not in (0, 1]; use 0.9995",
                                  options.character_coverage));
  }
  if (options.max_sentences < 1 || options.max_bytes < 1) {
    throw ConfigError(fmt::format("{} sentences and {} bytes are no text to train on; use more",
                                  options.max_sentences, options.max_bytes));
  }
  check_symbols(options.user_symbols);
}

}  // namespace

void set_text(TrainTokenizerOptions& options, const DataSection& data) {
  const std::vector<Corpus> corpora = find_corpora(data, Split::train);
  std::vector<std::vector<std::string>> groups;
  groups.reserve(corpora.size());
  for (const Corpus& corpus : corpora) groups.push_back(corpus.shards);
  options.sample = weigh_groups(groups, corpus_rates(data, corpora));
  options.text_key = data.text_key;
  options.max_document_bytes = data.max_document_bytes;
  options.on_bad_record = data.on_bad_record;
}

TokenizerTraining train_tokenizer(const TrainTokenizerOptions& options) {
  check(options);
  ReaderOptions reading;
  reading.text_key = options.text_key;
  reading.max_document_bytes = options.max_document_bytes;
  Ledger ledger(options.on_bad_record);
  SentenceSampler sampler(
      options.sample.empty() ? weigh_shards(options.shards, options.weights) : options.sample,
      options.max_sentences, options.max_bytes, reading, ledger);
  SentenceFeed feed(sampler);
  feed.rethrow();
  if (feed.done()) {
    throw DataError(
        fmt::format("none of the {} shards gives text to train a tokenizer on; name others or mend "
                    "them",
                    sampler.shards().size()));
  }
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(arguments(options), &feed, &model);
  feed.rethrow();
  if (!status.ok()) {
    throw ConfigError(
        fmt::format("SentencePiece cannot train {} pieces on this text ({}); lower "
                    "the vocabulary or give more text",
                    options.vocab_size, status.message()));
  }
  write_whole(options.output, model);
  return {sampler.shards(), ledger.counters()};
}

}  // namespace sy
