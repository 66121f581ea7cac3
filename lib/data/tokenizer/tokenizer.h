// SPDX-License-Identifier: Apache-2.0
// SentencePiece with sentinels. A model's own sentinels are its pieces "\u2581<extra_id_k>" or
// "<extra_id_k>", wherever they stand. A model without any gets user-defined pieces
// "\u2581<extra_id_99>" .. "\u2581<extra_id_0>" after its own, as seqio does, so that <extra_id_k>
// has id size() - 1 - k. The special ids are the model's. Instead of SentencePiece there may be
// bytes, or ids without any text (vocabulary.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

class Vocabulary;

// data.tokenizer for the vocabulary of bytes.
constexpr const char* kByteTokenizer = "bytes";

// Whether a tokenizer is that of bytes: the word, or what a checkpoint stored for it.
bool is_byte_tokenizer(const std::string& model);
// The contents of the file that a checkpoint stores for it.
std::string byte_tokenizer_model();

class Tokenizer {
 public:
  // `model` is the path of a SentencePiece model, or is_byte_tokenizer(). Throws DataError if the
  // file cannot be read, is not a SentencePiece model, has no eos, or has sentinels of its own but
  // fewer than `extra_ids`.
  Tokenizer(const std::string& model, int64_t extra_ids);
  explicit Tokenizer(std::unique_ptr<Vocabulary> vocabulary);
  ~Tokenizer();

  int64_t size() const;                           // pieces and sentinels
  int64_t sentinels() const;                      // how many sentinels there are
  int32_t sentinel(int64_t k) const;              // id of <extra_id_k>
  std::span<const int32_t> sentinel_ids() const;  // of <extra_id_0>, <extra_id_1>, ...
  int64_t sentinel_number(int32_t id) const;      // k of <extra_id_k>, -1 for any other id

  int32_t eos() const;
  int32_t unk() const;
  std::optional<int32_t> pad()
      const;  // nothing: the model has none, as by SentencePiece's defaults
  TokenizerInfo info() const;

  // The ids of a text, without eos. Thread-safe.
  std::vector<int32_t> encode(std::string_view text) const;
  void encode(std::string_view text, std::vector<int32_t>& ids) const;
  std::vector<std::string> pieces(std::string_view text) const;
  std::string decode(const std::vector<int32_t>& ids) const;
  std::string piece(int32_t id) const;
  std::optional<int32_t> find_piece(const std::string& piece) const;

 private:
  std::unique_ptr<const Vocabulary> vocabulary_;
};

// The tokenizer of a configuration: that of data.tokenizer, or with data.format: ids the ids of the
// model's vocabulary, whose size must be given. Throws DataError as Tokenizer does.
std::shared_ptr<const Tokenizer> open_tokenizer(const RunConfig& config);

}  // namespace sy
