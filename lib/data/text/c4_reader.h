// Documents of a shard: one JSON object a line with a string `text`, keys in any order (C4, mC4 and
// alike). Reads in constant memory; what cannot be used is reported to the ledger.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lib/data/text/ledger.h"
#include "lib/data/text/line_reader.h"
#include "lib/data/text/shard_cache.h"

namespace sy {

// What a reader takes of a shard.
struct ReaderOptions {
  int64_t part = 0;  // lines whose number is `part` modulo `parts`
  int64_t parts = 1;
  int64_t max_document_bytes = 16 << 20;
  ShardCache* cache = nullptr;                   // to open the shard through; may be null
  const std::atomic<bool>* cancelled = nullptr;  // set: next() throws Cancelled
};

class C4Reader {
 public:
  // A shard that cannot be opened is reported, and then has no documents. A fault of the whole
  // shard is reported by the part that owns the line at which it shows, so it is counted once.
  C4Reader(std::string shard, const ReaderOptions& options, Ledger& ledger);
  ~C4Reader();

  // Passes over the first `lines` lines without parsing or reporting them. Before the first next().
  void skip(int64_t lines);

  // The next document of this part; it holds until the next call. False at the end of the shard,
  // or of what a fault left of it. Throws DataError under BadRecordPolicy::fail.
  bool next(std::string_view& text);

  // Lines passed so far. The document last given is line() - 1.
  int64_t line() const { return line_; }
  const std::string& shard() const { return shard_; }

 private:
  struct Parser;

  bool parse(std::string_view line, std::string_view& text);
  void report(BadRecord kind, const std::string& reason);
  void close_at_fault(const ShardFault& fault);

  std::string shard_;
  ReaderOptions options_;
  Ledger& ledger_;
  std::unique_ptr<LineReader> lines_;  // null once the shard has ended
  std::unique_ptr<Parser> parser_;
  int64_t line_ = 0;
};

}  // namespace sy
