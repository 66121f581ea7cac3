// SPDX-License-Identifier: Apache-2.0
// The documents of one virtual stream as token ids, in the order of its shard units, epoch after
// epoch.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/data/text/c4_reader.h"
#include "lib/data/text/document.h"
#include "lib/data/text/shard_health.h"
#include "lib/data/text/shard_list.h"
#include "lib/data/tokenizer/tokenizer.h"

namespace sy {

// Of a longer document one random chunk is used, as in T5's preprocessing.
constexpr int64_t kMaxDocumentTokens = 65536;

// What the streams of a loader share. Must outlive them.
struct DocumentSources {
  const ShardList& shards;
  const Tokenizer& tokenizer;
  Ledger& ledger;
  ShardHealth& health;
  ShardCache& cache;
  uint64_t seed = 0;
  DataFormat format = DataFormat::text;
  std::string text_key = "text";
  int64_t max_document_bytes = 16 << 20;
  const std::atomic<bool>* cancelled = nullptr;  // next() throws Cancelled once it is set
};

class DocumentStream {
 public:
  DocumentStream(const DocumentSources& sources, int64_t stream);

  // The next document of the epoch, not empty and without pad and eos. Null, in this and later
  // calls, at the end of the stream's units of the epoch. Throws DataError.
  Document next();

  // After null: continues with the next epoch.
  void begin_epoch();

  // The epoch of the last document, and of the next one if there is one.
  int64_t epoch() const { return units_.epoch(slot_ == 0 ? 0 : slot_ - 1); }

  // Continues in this stream's unit `slot` - 1, after `record` lines of its shard. Must be called
  // before the first next(), which then opens the shard.
  void restore(int64_t slot, int64_t record);

  int64_t slot() const { return slot_; }
  int64_t record() const { return reader_ == nullptr ? resume_record_ : reader_->line(); }

 private:
  void open_unit();
  void end_unit();
  bool read_ids();
  Document make();
  Document chunk() const;

  const DocumentSources& sources_;
  int64_t stream_;
  UnitSequence units_;
  int64_t slot_ = 0;           // units begun
  bool resuming_ = false;      // unit slot_ - 1 must be opened again
  int64_t resume_record_ = 0;  // at this line
  std::unique_ptr<C4Reader> reader_;
  std::vector<int32_t> ids_;  // of the last record
  ShardUnit unit_;
  UnitReading reading_;  // of unit_
  bool unit_ended_ = false;
};

}  // namespace sy
