// SPDX-License-Identifier: Apache-2.0
#include <sentencepiece_processor.h>

#include "lib/base/error.h"
#include "lib/data/tokenizer/sentencepiece_model.h"
#include "lib/data/tokenizer/vocabulary.h"

namespace sy {

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

std::optional<int32_t> piece_id(const Processor& processor, const std::string& piece) {
  const int id = processor.PieceToId(piece);
  return processor.IdToPiece(id) == piece ? std::optional<int32_t>(id) : std::nullopt;
}

// The ids of <extra_id_0>, <extra_id_1>, ... up to the first that is no piece.
std::vector<int32_t> find_sentinels(const Processor& processor) {
  std::vector<int32_t> ids;
  while (true) {
    const auto k = static_cast<int64_t>(ids.size());
    auto id = piece_id(processor, sentinel_piece(k));
    if (!id) id = piece_id(processor, fmt::format("<extra_id_{}>", k));
    if (!id) return ids;
    ids.push_back(*id);
  }
}

class SentencePiece : public Vocabulary {
 public:
  SentencePiece(const std::string& path, int64_t extra_ids) {
    std::string model = read_sentencepiece_model(path);
    load(processor_, model, path);
    if (processor_.eos_id() < 0) {
      throw DataError(fmt::format(
          "the tokenizer {} has no end-of-sequence piece; train it with one (SentencePiece's "
          "--eos_id=1, or `switchyard tokenizer train`)",
          path));
    }
    sentinels = find_sentinels(processor_);
    if (std::ssize(sentinels) < extra_ids) {
      check_without_sentinels(path, extra_ids);
      append_sentinels(model, extra_ids);
      load(processor_, model, path);
      sentinels = find_sentinels(processor_);
    }
    eos = processor_.eos_id();
    unk = processor_.unk_id();
    if (processor_.pad_id() >= 0) pad = processor_.pad_id();
  }

  int64_t size() const override { return processor_.GetPieceSize(); }

  void encode(std::string_view text, std::vector<int32_t>& ids) const override {
    require(processor_.Encode(text, &ids), "encode a text");
  }

  std::vector<std::string> pieces(std::string_view text) const override {
    std::vector<std::string> pieces;
    require(processor_.Encode(text, &pieces), "encode a text");
    return pieces;
  }

  std::string decode(const std::vector<int32_t>& ids) const override {
    std::string text;
    require(processor_.Decode(ids, &text), "decode ids");
    return text;
  }

  std::string piece(int32_t id) const override { return processor_.IdToPiece(id); }

  std::optional<int32_t> find_piece(const std::string& piece) const override {
    return piece_id(processor_, piece);
  }

 private:
  void check_without_sentinels(const std::string& path, int64_t extra_ids) const {
    if (sentinels.empty()) return;
    throw DataError(fmt::format(
        "the tokenizer {} has {} sentinels of its own, fewer than data.extra_ids ({}); lower "
        "data.extra_ids or use a model without sentinels",
        path, sentinels.size(), extra_ids));
  }

  Processor processor_;
};

}  // namespace

std::unique_ptr<Vocabulary> make_sentencepiece(const std::string& path, int64_t extra_ids) {
  return std::make_unique<SentencePiece>(path, extra_ids);
}

}  // namespace sy
