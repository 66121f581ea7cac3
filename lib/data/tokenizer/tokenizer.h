// SentencePiece with sentinels. If the model lacks them they are appended as seqio does: as
// user-defined pieces "\u2581<extra_id_99>" .. "\u2581<extra_id_0>" after the model's own, so
// <extra_id_k> has id size() - 1 - k. pad is 0, eos 1 and unk 2.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sy {

class Tokenizer {
 public:
  // Throws DataError if the file cannot be read, is not a SentencePiece model, or has pad, eos and
  // unk ids other than 0, 1 and 2.
  Tokenizer(const std::string& path, int64_t extra_ids);
  ~Tokenizer();

  int64_t size() const;               // pieces and sentinels
  int64_t sentinels() const;          // number of sentinels
  int32_t sentinel(int64_t k) const;  // id of <extra_id_k>

  // The ids of a text, without eos. Thread-safe.
  std::vector<int32_t> encode(std::string_view text) const;
  void encode(std::string_view text, std::vector<int32_t>& ids) const;
  std::vector<std::string> pieces(std::string_view text) const;
  std::string decode(const std::vector<int32_t>& ids) const;
  std::string piece(int32_t id) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sy
