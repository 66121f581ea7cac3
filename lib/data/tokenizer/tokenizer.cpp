// SPDX-License-Identifier: Apache-2.0
#include "lib/data/tokenizer/tokenizer.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/base/token_ids.h"
#include "lib/data/tokenizer/vocabulary.h"

namespace sy {
namespace {

// What a checkpoint stores in the place of a SentencePiece model. No model begins like this.
constexpr std::string_view kBytesModel = "switchyard tokenizer: bytes\n";

std::string first_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string head(kBytesModel.size(), '\0');
  file.read(head.data(), std::ssize(head));
  head.resize(static_cast<size_t>(file.gcount()));
  return head;
}

std::unique_ptr<Vocabulary> make_vocabulary(const std::string& model, int64_t extra_ids) {
  return is_byte_tokenizer(model) ? make_bytes(extra_ids) : make_sentencepiece(model, extra_ids);
}

}  // namespace

bool is_byte_tokenizer(const std::string& model) {
  return model == kByteTokenizer || first_bytes(model) == kBytesModel;
}

std::string byte_tokenizer_model() {
  return std::string(kBytesModel);
}

Tokenizer::Tokenizer(const std::string& model, int64_t extra_ids)
    : Tokenizer(make_vocabulary(model, extra_ids)) {}

Tokenizer::Tokenizer(std::unique_ptr<Vocabulary> vocabulary) : vocabulary_(std::move(vocabulary)) {}

Tokenizer::~Tokenizer() = default;

int64_t Tokenizer::size() const {
  return vocabulary_->size();
}

int64_t Tokenizer::sentinels() const {
  return std::ssize(vocabulary_->sentinels);
}

std::span<const int32_t> Tokenizer::sentinel_ids() const {
  return vocabulary_->sentinels;
}

int64_t Tokenizer::sentinel_number(int32_t id) const {
  const std::vector<int32_t>& ids = vocabulary_->sentinels;
  const auto found = std::find(ids.begin(), ids.end(), id);
  return found == ids.end() ? -1 : found - ids.begin();
}

int32_t Tokenizer::eos() const {
  return vocabulary_->eos;
}

int32_t Tokenizer::unk() const {
  return vocabulary_->unk;
}

std::optional<int32_t> Tokenizer::pad() const {
  return vocabulary_->pad;
}

TokenizerInfo Tokenizer::info() const {
  const auto known_pad = pad();
  return {size(), known_pad ? AutoInt{false, *known_pad} : AutoInt{}, AutoInt{false, eos()}};
}

int32_t Tokenizer::sentinel(int64_t k) const {
  SY_CHECK(k >= 0 && k < sentinels(), "sentinel {} of {}", k, sentinels());
  return vocabulary_->sentinels[static_cast<size_t>(k)];
}

void Tokenizer::encode(std::string_view text, std::vector<int32_t>& ids) const {
  vocabulary_->encode(text, ids);
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  encode(text, ids);
  return ids;
}

std::vector<std::string> Tokenizer::pieces(std::string_view text) const {
  return vocabulary_->pieces(text);
}

std::string Tokenizer::decode(const std::vector<int32_t>& ids) const {
  for (const int32_t id : ids) SY_CHECK(id >= 0 && id < size(), "id {} of {} pieces", id, size());
  return vocabulary_->decode(ids);
}

std::string Tokenizer::piece(int32_t id) const {
  SY_CHECK(id >= 0 && id < size(), "id {} of {} pieces", id, size());
  return vocabulary_->piece(id);
}

std::optional<int32_t> Tokenizer::find_piece(const std::string& piece) const {
  return vocabulary_->find_piece(piece);
}

std::shared_ptr<const Tokenizer> open_tokenizer(const RunConfig& config) {
  const DataSection& data = config.data;
  if (data.format == DataFormat::text) {
    return std::make_shared<const Tokenizer>(data.tokenizer, data.extra_ids);
  }
  const ModelSection& model = config.model;
  const auto id = [](const AutoInt& given, int32_t otherwise) {
    return given.is_auto ? otherwise : narrow<int32_t>(given.value);
  };
  return std::make_shared<const Tokenizer>(make_ids(
      model.vocab_size.value, data.extra_ids, id(model.pad_id, kPadId), id(model.eos_id, kEosId)));
}

}  // namespace sy
