// SPDX-License-Identifier: Apache-2.0
// What a Tokenizer is made of: SentencePiece, bytes, or ids that are read as they are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sy {

class Vocabulary {
 public:
  virtual ~Vocabulary() = default;

  virtual int64_t size() const = 0;  // pieces and sentinels
  virtual void encode(std::string_view text, std::vector<int32_t>& ids) const = 0;
  virtual std::vector<std::string> pieces(std::string_view text) const = 0;
  virtual std::string decode(const std::vector<int32_t>& ids) const = 0;  // each below size()
  virtual std::string piece(int32_t id) const = 0;
  virtual std::optional<int32_t> find_piece(const std::string& piece) const = 0;

  int32_t eos = 1, unk = 0;
  std::optional<int32_t> pad;
  std::vector<int32_t> sentinels;  // ids, by number
};

// The SentencePiece model `path`; errors and sentinels as in Tokenizer's constructor.
std::unique_ptr<Vocabulary> make_sentencepiece(const std::string& path, int64_t extra_ids);

// ByT5's ids (Xue et al. 2022): pad 0, eos 1, unk 2, and 3 + b for byte b of the UTF-8 text. The
// sentinels follow: <extra_id_k> is 259 + k, as in transformers' ByT5Tokenizer. The sentinels of
// the published ByT5 models are the last bytes instead (258 - k), which real text contains.
std::unique_ptr<Vocabulary> make_bytes(int64_t extra_ids);

// `size` ids that stand for no text. <extra_id_k> is id size - 1 - k, for the last `extra_ids`. A
// text cannot be encoded (InternalError); pieces are "0", "1" and so on.
std::unique_ptr<Vocabulary> make_ids(int64_t size, int64_t extra_ids, int32_t pad, int32_t eos);

}  // namespace sy
