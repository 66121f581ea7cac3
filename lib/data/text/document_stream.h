// Documents of one virtual stream as token ids, in the order of its shard units, epoch after epoch
// without end.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "lib/data/text/c4_reader.h"
#include "lib/data/text/document.h"
#include "lib/data/text/shard_list.h"
#include "lib/data/tokenizer/tokenizer.h"

namespace sy {

// A longer document gives one random chunk of itself, as T5's preprocessing does.
constexpr int64_t kMaxDocumentTokens = 65536;

// Units whose last whole reading gave no document, over all streams of a loader. When that is all
// of them there is nothing to train on, and going on would never end.
class BarrenUnits {
 public:
  explicit BarrenUnits(int64_t units) : barren_(static_cast<size_t>(units), false) {}

  // Notes a reading of unit `unit` from its beginning to its end. Throws DataError when every unit
  // is barren. Thread-safe.
  void note(int64_t unit, int64_t documents);

 private:
  std::mutex mutex_;
  std::vector<bool> barren_;
  int64_t count_ = 0;
};

// What all streams of a loader share. Must outlive them.
struct DocumentSources {
  const ShardList& shards;
  const Tokenizer& tokenizer;
  Ledger& ledger;
  BarrenUnits& barren;
  ShardCache& cache;
  uint64_t seed = 0;
  int64_t max_document_bytes = 16 << 20;
  const std::atomic<bool>* cancelled = nullptr;  // set: next() throws Cancelled
};

class DocumentStream {
 public:
  DocumentStream(const DocumentSources& sources, int64_t stream);

  // The next document of the epoch: never empty, without pad and eos. Null, now and later, once
  // the stream's units of the epoch are read. Throws DataError.
  Document next();

  // After null: goes on with the next epoch.
  void begin_epoch();

  // Of the document last given, and of the next one if there is one.
  int64_t epoch() const { return units_.epoch(slot_ == 0 ? 0 : slot_ - 1); }

  // Goes on in this stream's unit `slot` - 1, behind `record` lines of its shard.
  // Before the first next(), which then opens the shard.
  void restore(int64_t slot, int64_t record);

  int64_t slot() const { return slot_; }
  int64_t record() const { return reader_ == nullptr ? resume_record_ : reader_->line(); }

 private:
  void open_unit();
  void close_unit();
  Document tokenize(std::string_view text);
  Document chunk() const;

  const DocumentSources& sources_;
  int64_t stream_;
  UnitSequence units_;
  int64_t slot_ = 0;           // units begun
  bool resuming_ = false;      // unit slot_ - 1 is to be opened again
  int64_t resume_record_ = 0;  // there
  std::unique_ptr<C4Reader> reader_;
  std::vector<int32_t> ids_;  // of the text at hand
  int64_t unit_documents_ = 0;
  bool unit_from_start_ = true;
};

}  // namespace sy
