// SPDX-License-Identifier: Apache-2.0
// Documents of a shard: one JSON object per line with a string under `text` or another key, as in
// C4 and mC4, or a list of integers there. The other keys may hold whatever Python's json module
// reads: NaN, Infinity, numbers of any size. Reads in constant memory. Lines that cannot be used
// are reported to the ledger.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/data/text/ledger.h"
#include "lib/data/text/line_reader.h"
#include "lib/data/text/shard_cache.h"

namespace sy {

// Which lines a reader uses, and how.
struct ReaderOptions {
  std::string text_key = "text";
  int64_t part = 0;  // lines whose number is `part` modulo `parts`
  int64_t parts = 1;
  int64_t max_document_bytes = 16 << 20;
  ShardCache* cache = nullptr;                   // opens the shard if not null
  const std::atomic<bool>* cancelled = nullptr;  // next() throws Cancelled once it is set
};

class C4Reader {
 public:
  // A shard that cannot be opened is reported and has no documents. A fault of the shard is
  // reported only by the part that owns the line at which it shows, so the parts together report it
  // once.
  C4Reader(std::string shard, const ReaderOptions& options, Ledger& ledger);
  ~C4Reader();

  // Skips the first `lines` lines without parsing or reporting them. Must be called before next().
  void skip(int64_t lines);

  // Sets `text` to the next document of this part, valid until the next call. False at the end of
  // the shard or at a fault. Throws DataError under BadRecordPolicy::fail.
  bool next(std::string_view& text);

  // The same for a list of ids, each at least 0 and below `end`: overwrites `ids`.
  bool next(std::vector<int32_t>& ids, int64_t end);

  // Lines passed so far. The last document was on line line() - 1, counted from 0.
  int64_t line() const { return line_; }
  // Why the shard cannot be read to its end, as ShardFault says it; "" if it can, as far as known.
  const std::string& fault() const { return fault_; }
  const std::string& shard() const { return shard_; }

 private:
  struct Parser;

  bool next_line(std::string_view& line);
  bool parse(std::string_view line, std::string_view& text);
  bool parse(std::string_view line, std::vector<int32_t>& ids, int64_t end);
  bool scan(std::string_view line);
  void report(BadRecord kind, const std::string& reason);
  void close_at_fault(const ShardFault& fault);

  std::string shard_;
  ReaderOptions options_;
  Ledger& ledger_;
  std::unique_ptr<LineReader> lines_;  // null once the shard has ended
  std::unique_ptr<Parser> parser_;
  int64_t line_ = 0;
  std::string fault_;
};

}  // namespace sy
