// SPDX-License-Identifier: Apache-2.0
#include "lib/data/tokenizer/tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>

#include "lib/base/error.h"
#include "lib/data/tokenizer/sentencepiece_model.h"

namespace sy {

struct Tokenizer::Impl {
  sentencepiece::SentencePieceProcessor processor;
  std::vector<int32_t> sentinels;  // ids, by number
};

namespace {

using Processor = sentencepiece::SentencePieceProcessor;

// Throws if the call failed; `what` describes it.
void require(const sentencepiece::util::Status& status, const char* what) {
  SY_CHECK(status.ok(), "SentencePiece cannot {}: {}", what, status.ToString());
}

// SentencePiece reports some faults as a status and others as exceptions of the libraries bundled
// with it.
std::string find_load_fault(Processor& processor, const std::string& model) {
  try {
    const auto status = processor.LoadFromSerializedProto(model);
    return status.ok() ? "" : status.ToString();
  } catch (const std::exception& error) {
    return error.what();
  }
}

void load(Processor& processor, const std::string& model, const std::string& path) {
  const std::string fault = find_load_fault(processor, model);
  if (!fault.empty()) {
    throw DataError(
        fmt::format("the tokenizer {} cannot be loaded by SentencePiece ({}); fetch or train it "
                    "again",
                    path, fault));
  }
}

std::optional<int32_t> find_piece(const Processor& processor, const std::string& piece) {
  const int id = processor.PieceToId(piece);
  return processor.IdToPiece(id) == piece ? std::optional<int32_t>(id) : std::nullopt;
}

// The ids of <extra_id_0>, <extra_id_1>, ... up to the first that is no piece.
std::vector<int32_t> find_sentinels(const Processor& processor) {
  std::vector<int32_t> ids;
  while (true) {
    const auto k = static_cast<int64_t>(ids.size());
    auto id = find_piece(processor, sentinel_piece(k));
    if (!id) id = find_piece(processor, fmt::format("<extra_id_{}>", k));
    if (!id) return ids;
    ids.push_back(*id);
  }
}

}  // namespace

Tokenizer::Tokenizer(const std::string& path, int64_t extra_ids) : impl_(std::make_unique<Impl>()) {
  std::string model = read_sentencepiece_model(path);
  load(impl_->processor, model, path);
  if (impl_->processor.eos_id() < 0) {
    throw DataError(fmt::format(
        "the tokenizer {} has no end-of-sequence piece; train it with one (SentencePiece's "
        "--eos_id=1, or `switchyard tokenizer train`)",
        path));
  }
  impl_->sentinels = find_sentinels(impl_->processor);
  if (sentinels() >= extra_ids) return;
  if (sentinels() > 0) {
    throw DataError(
        fmt::format("the tokenizer {} has {} sentinels of its own, fewer than data.extra_ids ({}); "
                    "lower data.extra_ids or use a model without sentinels",
                    path, sentinels(), extra_ids));
  }
  append_sentinels(model, extra_ids);
  load(impl_->processor, model, path);
  impl_->sentinels = find_sentinels(impl_->processor);
}

Tokenizer::~Tokenizer() = default;

int64_t Tokenizer::size() const {
  return impl_->processor.GetPieceSize();
}

int64_t Tokenizer::sentinels() const {
  return std::ssize(impl_->sentinels);
}

std::span<const int32_t> Tokenizer::sentinel_ids() const {
  return impl_->sentinels;
}

int64_t Tokenizer::sentinel_number(int32_t id) const {
  const auto found = std::find(impl_->sentinels.begin(), impl_->sentinels.end(), id);
  return found == impl_->sentinels.end() ? -1 : found - impl_->sentinels.begin();
}

int32_t Tokenizer::eos() const {
  return impl_->processor.eos_id();
}

int32_t Tokenizer::unk() const {
  return impl_->processor.unk_id();
}

std::optional<int32_t> Tokenizer::pad() const {
  const int id = impl_->processor.pad_id();
  return id < 0 ? std::nullopt : std::optional<int32_t>(id);
}

TokenizerInfo Tokenizer::info() const {
  const auto known_pad = pad();
  return {size(), known_pad ? AutoInt{false, *known_pad} : AutoInt{}, AutoInt{false, eos()}};
}

int32_t Tokenizer::sentinel(int64_t k) const {
  SY_CHECK(k >= 0 && k < sentinels(), "sentinel {} of {}", k, sentinels());
  return impl_->sentinels[static_cast<size_t>(k)];
}

void Tokenizer::encode(std::string_view text, std::vector<int32_t>& ids) const {
  require(impl_->processor.Encode(text, &ids), "encode a text");
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  encode(text, ids);
  return ids;
}

std::vector<std::string> Tokenizer::pieces(std::string_view text) const {
  std::vector<std::string> pieces;
  require(impl_->processor.Encode(text, &pieces), "encode a text");
  return pieces;
}

std::string Tokenizer::decode(const std::vector<int32_t>& ids) const {
  for (const int32_t id : ids) SY_CHECK(id >= 0 && id < size(), "id {} of {} pieces", id, size());
  std::string text;
  require(impl_->processor.Decode(ids, &text), "decode ids");
  return text;
}

std::optional<int32_t> Tokenizer::find_piece(const std::string& piece) const {
  return sy::find_piece(impl_->processor, piece);
}

std::string Tokenizer::piece(int32_t id) const {
  SY_CHECK(id >= 0 && id < size(), "id {} of {} pieces", id, size());
  return impl_->processor.IdToPiece(id);
}

}  // namespace sy
