// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/hf_tokenizer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lib/data/tokenizer/tokenizer.h"

namespace sy::convert {

// T5Tokenizer puts `extra_ids` sentinels after the pieces of the model in seqio's order, and
// ByT5Tokenizer after the bytes in ascending order. Sentinels that are pieces of the model are
// found by SentencePiece itself, so none are added then.
std::string tokenizer_config_json(const std::string& path, int64_t extra_ids) {
  const Tokenizer plain(path, 0);
  const bool bytes = is_byte_tokenizer(path);
  const bool own = plain.sentinels() > 0;
  nlohmann::ordered_json json;
  json["tokenizer_class"] = bytes ? "ByT5Tokenizer" : "T5Tokenizer";
  json["eos_token"] = plain.piece(plain.eos());
  json["unk_token"] = plain.piece(plain.unk());
  json["pad_token"] = plain.piece(plain.pad().value_or(0));
  json["extra_ids"] = own ? 0 : extra_ids;
  auto& special = json["additional_special_tokens"] = nlohmann::ordered_json::array();
  for (int64_t k = 0; !own && k < extra_ids; ++k)
    special.push_back(fmt::format("<extra_id_{}>", k));
  if (!bytes) json["legacy"] = false;  // text after a sentinel is encoded as it is here
  json["clean_up_tokenization_spaces"] = false;
  return json.dump(2) + "\n";
}

}  // namespace sy::convert
