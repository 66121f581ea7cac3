// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/document_stream.h"

#include <algorithm>
#include <span>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/base/random.h"
#include "lib/base/token_ids.h"

namespace sy {

DocumentStream::DocumentStream(const DocumentSources& sources, int64_t stream)
    : sources_(sources), stream_(stream), units_(sources.shards, stream) {}

Document DocumentStream::next() {
  while (true) {
    if (sources_.cancelled != nullptr && *sources_.cancelled) throw Cancelled();
    if (reader_ == nullptr) open_unit();
    if (!read_ids()) {
      end_unit();
      if (units_.epoch(slot_) != epoch()) return nullptr;
      reader_.reset();
      continue;
    }
    if (Document document = make()) {
      ++reading_.documents;
      return document;
    }
  }
}

void DocumentStream::begin_epoch() {
  open_unit();
}

void DocumentStream::restore(int64_t slot, int64_t record) {
  slot_ = slot;
  resuming_ = slot > 0;
  resume_record_ = resuming_ ? record : 0;
}

void DocumentStream::open_unit() {
  if (!resuming_) ++slot_;
  unit_ = sources_.shards.unit(units_.unit_number(slot_ - 1));
  ReaderOptions options;
  options.text_key = sources_.text_key;
  options.part = unit_.part;
  options.parts = unit_.parts;
  options.max_document_bytes = sources_.max_document_bytes;
  options.cache = unit_.parts > 1 ? &sources_.cache : nullptr;
  options.cancelled = sources_.cancelled;
  const std::string& shard = sources_.shards.shards()[static_cast<size_t>(unit_.shard)];
  reader_ = std::make_unique<C4Reader>(shard, options, sources_.ledger);
  reader_->skip(resume_record_);
  reading_ = {};
  reading_.complete = resume_record_ == 0;
  unit_ended_ = false;
  resuming_ = false;
  resume_record_ = 0;
}

void DocumentStream::end_unit() {
  if (unit_ended_) return;
  unit_ended_ = true;
  reading_.lines = reader_->line();
  reading_.fault = reader_->fault();
  sources_.health.note(unit_, reading_);
}

// Sets ids_ to those of the next record. False at the end of the unit.
bool DocumentStream::read_ids() {
  const Tokenizer& tokenizer = sources_.tokenizer;
  if (sources_.format == DataFormat::ids) {
    return reader_->next(ids_, tokenizer.size() - tokenizer.sentinels());
  }
  std::string_view text;
  if (!reader_->next(text)) return false;
  tokenizer.encode(text, ids_);
  return true;
}

// The document of ids_. Null if there are none, which is reported.
Document DocumentStream::make() {
  // A text may spell out pad; its id is removed, as when T5 joins documents.
  if (const auto pad = sources_.tokenizer.pad()) std::erase(ids_, *pad);
  if (ids_.empty()) {
    sources_.ledger.report(BadRecord::empty_text, reader_->shard(), reader_->line() - 1,
                           fmt::format("the record's `{}` has no tokens", sources_.text_key));
    return nullptr;
  }
  sources_.ledger.count_document(narrow<int64_t>(ids_.size()));
  return chunk();
}

// The document, or a random one of its chunks of kMaxDocumentTokens (the last may be shorter). The
// draw is determined by (seed, stream, slot, line).
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
