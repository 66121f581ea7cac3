#include "lib/data/text/document_stream.h"

#include <algorithm>
#include <span>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/base/random.h"
#include "lib/base/token_ids.h"

namespace sy {

void BarrenUnits::note(int64_t unit, int64_t documents) {
  const std::lock_guard lock(mutex_);
  const auto at = static_cast<size_t>(unit);
  const bool barren = documents == 0;
  if (barren != barren_[at]) count_ += barren ? 1 : -1;
  barren_[at] = barren;
  if (count_ == narrow<int64_t>(barren_.size())) {
    throw DataError(
        "none of the shards gives a document: all are unreadable, empty or without a usable "
        "`text`; the warnings above name them and why; mend the shards or correct data.train and "
        "data.validation");
  }
}

DocumentStream::DocumentStream(const DocumentSources& sources, int64_t stream)
    : sources_(sources), stream_(stream), units_(sources.shards, stream) {}

Document DocumentStream::next() {
  std::string_view text;
  while (true) {
    if (sources_.cancelled != nullptr && *sources_.cancelled) throw Cancelled();
    if (reader_ == nullptr) open_unit();
    if (!reader_->next(text)) {
      if (units_.epoch(slot_) != epoch()) return nullptr;
      close_unit();
      continue;
    }
    if (Document document = tokenize(text)) {
      ++unit_documents_;
      return document;
    }
  }
}

void DocumentStream::begin_epoch() {
  close_unit();
  open_unit();
}

void DocumentStream::restore(int64_t slot, int64_t record) {
  slot_ = slot;
  resuming_ = slot > 0;
  resume_record_ = resuming_ ? record : 0;
}

void DocumentStream::open_unit() {
  if (!resuming_) ++slot_;
  const ShardUnit unit = sources_.shards.unit(units_.unit_number(slot_ - 1));
  ReaderOptions options;
  options.part = unit.part;
  options.parts = unit.parts;
  options.max_document_bytes = sources_.max_document_bytes;
  options.cache = unit.parts > 1 ? &sources_.cache : nullptr;
  options.cancelled = sources_.cancelled;
  const std::string& shard = sources_.shards.shards()[static_cast<size_t>(unit.shard)];
  reader_ = std::make_unique<C4Reader>(shard, options, sources_.ledger);
  reader_->skip(resume_record_);
  unit_documents_ = 0;
  unit_from_start_ = resume_record_ == 0;
  resuming_ = false;
  resume_record_ = 0;
}

void DocumentStream::close_unit() {
  reader_.reset();
  if (!unit_from_start_ && unit_documents_ == 0) return;
  sources_.barren.note(units_.unit_number(slot_ - 1), unit_documents_);
}

// Null, and reported, when the text has no tokens.
Document DocumentStream::tokenize(std::string_view text) {
  sources_.tokenizer.encode(text, ids_);
  // The id of pad, written out in a text, vanishes as in T5's own joining of documents.
  if (const auto pad = sources_.tokenizer.pad()) std::erase(ids_, *pad);
  if (ids_.empty()) {
    sources_.ledger.report(BadRecord::empty_text, reader_->shard(), reader_->line() - 1,
                           "the record's `text` has no tokens");
    return nullptr;
  }
  sources_.ledger.count_document(narrow<int64_t>(ids_.size()));
  return chunk();
}

// The document, or one of its chunks of kMaxDocumentTokens, the last of which may be shorter. The
// draw belongs to the record: (seed, stream, slot, line).
Document DocumentStream::chunk() const {
  const auto length = narrow<int64_t>(ids_.size());
  const int64_t chunks = ceil_div(length, kMaxDocumentTokens);
  const RandomKey key{sources_.seed, static_cast<uint32_t>(slot_),
                      site::kData + static_cast<uint32_t>(stream_)};
  const auto line = static_cast<uint64_t>(reader_->line());
  const int64_t begin = kMaxDocumentTokens * random_below(key, line, narrow<uint32_t>(chunks));
  const int64_t end = std::min(begin + kMaxDocumentTokens, length);
  return make_document(
      std::span(ids_).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
}

}  // namespace sy
