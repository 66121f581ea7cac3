// SPDX-License-Identifier: Apache-2.0
// Sentences for training a tokenizer, drawn from all shards.
//
// A shard's share of the sentences and bytes is proportional to its weight. It is taken from the
// beginning of the shard; a shard that ends before its share passes the rest on to the others.
// Nothing is random, so the same shards and options give the same sentences.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/data/text/c4_reader.h"

namespace sy {

struct SampledShard {
  std::string path;
  double weight = 0;  // over those of all shards: its share
  int64_t sentences = 0, bytes = 0;
  bool whole = false;  // read to its end
};

// The files of some groups, such as corpora. A group has the weight of the same place in `weights`,
// which its files share by their size; without `weights` each file weighs its size. A file of
// several groups belongs to the first. Throws ConfigError if there are not as many weights as
// groups or a weight is not positive.
std::vector<SampledShard> weigh_groups(const std::vector<std::vector<std::string>>& groups,
                                       const std::vector<double>& weights);

// The same for patterns, each of which is a group. Throws DataError too (expand_globs).
std::vector<SampledShard> weigh_shards(const std::vector<std::string>& patterns,
                                       const std::vector<double>& weights);

// The lines of a document. Long ones are cut at a blank, or else between characters.
class Sentences {
 public:
  static constexpr size_t kLongest = 4096;  // bytes

  void reset(std::string_view text) { rest_ = text; }

  // Overwrites `sentence` with the next one that is not blank; false at the end of the document.
  bool next(std::string& sentence);

 private:
  static size_t cut(std::string_view line);

  std::string_view rest_;
};

class SentenceSampler {
 public:
  // At most `max_sentences` and about `max_bytes` in total; `options` for reading.
  SentenceSampler(std::vector<SampledShard> shards, int64_t max_sentences, int64_t max_bytes,
                  const ReaderOptions& options, Ledger& ledger);

  // Overwrites `sentence` with the next one; false once there are enough, or no more. Throws
  // DataError.
  bool next(std::string& sentence);

  // What has been taken of each shard.
  const std::vector<SampledShard>& shards() const { return shards_; }

 private:
  // Where the reading of a shard goes on.
  struct Position {
    int64_t line = 0;       // of the document
    int64_t sentences = 0;  // of it that have been taken
  };

  bool open_next();
  void close();
  bool advance(std::string& sentence);
  bool enough() const { return sentences_ >= max_sentences_ || bytes_ >= max_bytes_; }

  std::vector<SampledShard> shards_;
  std::vector<Position> positions_;  // of the shards
  const int64_t max_sentences_, max_bytes_;
  const ReaderOptions options_;
  Ledger& ledger_;
  int64_t sentences_ = 0, bytes_ = 0;
  size_t shard_ = 0;                             // the one that is read
  int64_t sentence_limit_ = 0, byte_limit_ = 0;  // of it
  std::unique_ptr<C4Reader> reader_;             // null between shards
  Sentences document_;
  int64_t document_sentences_ = 0;  // taken
};

}  // namespace sy
