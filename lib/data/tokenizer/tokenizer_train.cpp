#include "lib/data/tokenizer/tokenizer_train.h"

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <unordered_map>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/data/text/c4_reader.h"
#include "lib/data/text/shard_list.h"

namespace sy {
namespace {

constexpr size_t kLongestSentence = 4096;  // bytes; longer lines are cut at blanks

// Pieces of a document for training: its lines, long ones cut.
class Sentences {
 public:
  void reset(std::string_view text) { rest_ = text; }

  // The next sentence that is not blank; false when the document is used up.
  bool next(std::string& sentence) {
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

 private:
  // Where to end: at a blank, or else within the line at the beginning of a character.
  static size_t cut(std::string_view line) {
    if (line.size() <= kLongestSentence) return line.size();
    const size_t blank = line.rfind(' ', kLongestSentence);
    if (blank != std::string_view::npos && blank > 0) return blank;
    size_t end = kLongestSentence;
    while (end > 0 && (static_cast<uint8_t>(line[end]) & 0xC0) == 0x80) --end;
    return end;
  }

  std::string_view rest_;
};

// The shards' sentences, in order, up to the maxima. SentencePiece is not made for exceptions, so
// one of ours ends the text and is kept for rethrowing.
class ShardSentences : public sentencepiece::SentenceIterator {
 public:
  explicit ShardSentences(const TrainTokenizerOptions& options)
      : options_(options), shards_(expand_globs(options.shards)), ledger_(options.on_bad_record) {
    Next();
  }

  bool done() const override { return done_; }
  const std::string& value() const override { return sentence_; }
  sentencepiece::util::Status status() const override { return {}; }

  void Next() override {
    try {
      done_ = sentences_ >= options_.max_sentences || bytes_ >= options_.max_bytes || !advance();
    } catch (...) {
      error_ = std::current_exception();
      done_ = true;
    }
    ++sentences_;
    bytes_ += static_cast<int64_t>(sentence_.size());
  }

  void rethrow() const {
    if (error_ != nullptr) std::rethrow_exception(error_);
  }
  DataCounters counters() const { return ledger_.counters(); }

 private:
  bool advance() {
    while (!document_.next(sentence_)) {
      std::string_view text;
      while (reader_ == nullptr || !reader_->next(text)) {
        if (next_shard_ == shards_.size()) return false;
        ReaderOptions reading;
        reading.max_document_bytes = options_.max_document_bytes;
        reader_ = std::make_unique<C4Reader>(shards_[next_shard_++], reading, ledger_);
      }
      ledger_.count_document(0);
      document_.reset(text);
    }
    return true;
  }

  const TrainTokenizerOptions& options_;
  const std::vector<std::string> shards_;
  Ledger ledger_;
  size_t next_shard_ = 0;
  std::unique_ptr<C4Reader> reader_;
  Sentences document_;
  std::string sentence_;
  int64_t sentences_ = 0, bytes_ = 0;
  bool done_ = false;
  std::exception_ptr error_;
};

std::unordered_map<std::string, std::string> arguments(const TrainTokenizerOptions& options) {
  return {
      {"model_type", "unigram"},
      {"vocab_size", std::to_string(options.vocab_size)},
      {"character_coverage", fmt::format("{}", options.character_coverage)},
      {"pad_id", "0"},
      {"eos_id", "1"},
      {"unk_id", "2"},
      {"bos_id", "-1"},
      {"normalization_rule_name", "nmt_nfkc"},
      {"byte_fallback", "false"},
      {"max_sentence_length", std::to_string(kLongestSentence + 1)},
      // A sample would be drawn from the machine's entropy.
      {"input_sentence_size", "0"},
      {"shuffle_input_sentence", "false"},
      // Sums over threads depend on their number.
      {"num_threads", "4"},
      {"minloglevel", "1"},
  };
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
}

}  // namespace

void train_tokenizer(const TrainTokenizerOptions& options) {
  check(options);
  ShardSentences sentences(options);
  sentences.rethrow();
  if (sentences.done()) {
    throw DataError(
        fmt::format("the {} shard patterns give no text to train a tokenizer on; "
                    "correct them or mend the shards",
                    options.shards.size()));
  }
  std::string model;
  const auto status =
      sentencepiece::SentencePieceTrainer::Train(arguments(options), &sentences, &model);
  sentences.rethrow();
  if (!status.ok()) {
    throw ConfigError(
        fmt::format("SentencePiece cannot train {} pieces on this text ({}); lower "
                    "the vocabulary or give more text",
                    options.vocab_size, status.message()));
  }
  write_whole(options.output, model);
  const DataCounters counters = sentences.counters();
  log::info("{}: {} pieces from {} documents, {} bad records skipped", options.output,
            options.vocab_size, counters.documents, counters.bad());
}

}  // namespace sy
