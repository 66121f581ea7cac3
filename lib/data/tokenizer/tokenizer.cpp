#include "lib/data/tokenizer/tokenizer.h"

#include <sentencepiece_processor.h>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/data/tokenizer/sentencepiece_model.h"

namespace sy {

struct Tokenizer::Impl {
  sentencepiece::SentencePieceProcessor processor;
  int64_t sentinels = 0;
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

void check_specials(const Processor& processor, const std::string& path) {
  const int pad = processor.pad_id(), eos = processor.eos_id(), unk = processor.unk_id();
  if (pad != 0 || eos != 1 || unk != 2) {
    throw DataError(fmt::format(
        "the tokenizer {} has pad {}, eos {} and unk {}, and must have 0, 1 and 2; train it with "
        "`switchyard tokenizer train`",
        path, pad, eos, unk));
  }
}

bool has_piece(const Processor& processor, const std::string& piece) {
  return processor.IdToPiece(processor.PieceToId(piece)) == piece;
}

// The number of sentinels in the model itself. They must be its last pieces, <extra_id_0> the very
// last.
int64_t count_sentinels(const Processor& processor, const std::string& path) {
  int64_t count = 0;
  while (has_piece(processor, sentinel_piece(count)) &&
         processor.PieceToId(sentinel_piece(count)) == processor.GetPieceSize() - 1 - count) {
    ++count;
  }
  const bool elsewhere =
      has_piece(processor, sentinel_piece(count)) || has_piece(processor, "<extra_id_0>");
  if (elsewhere) {
    throw DataError(
        fmt::format("the tokenizer {} has sentinels that are not its last pieces in the order "
                    "\u2581<extra_id_{{n-1}}> .. \u2581<extra_id_0>; use a model without sentinels",
                    path));
  }
  return count;
}

}  // namespace

Tokenizer::Tokenizer(const std::string& path, int64_t extra_ids) : impl_(std::make_unique<Impl>()) {
  std::string model = read_sentencepiece_model(path);
  load(impl_->processor, model, path);
  check_specials(impl_->processor, path);
  impl_->sentinels = count_sentinels(impl_->processor, path);
  if (impl_->sentinels >= extra_ids) return;
  if (impl_->sentinels > 0) {
    throw DataError(
        fmt::format("the tokenizer {} has {} sentinels of its own, fewer than data.extra_ids ({}); "
                    "lower data.extra_ids or use a model without sentinels",
                    path, impl_->sentinels, extra_ids));
  }
  append_sentinels(model, extra_ids);
  load(impl_->processor, model, path);
  impl_->sentinels = extra_ids;
}

Tokenizer::~Tokenizer() = default;

int64_t Tokenizer::size() const {
  return impl_->processor.GetPieceSize();
}

int64_t Tokenizer::sentinels() const {
  return impl_->sentinels;
}

int32_t Tokenizer::sentinel(int64_t k) const {
  SY_CHECK(k >= 0 && k < sentinels(), "sentinel {} of {}", k, sentinels());
  return narrow<int32_t>(size() - 1 - k);
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

std::string Tokenizer::piece(int32_t id) const {
  SY_CHECK(id >= 0 && id < size(), "id {} of {} pieces", id, size());
  return impl_->processor.IdToPiece(id);
}

}  // namespace sy
