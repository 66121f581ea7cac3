// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/ledger.h"

#include "lib/base/error.h"
#include "lib/base/log.h"

namespace sy {
namespace {

constexpr int64_t kToldInFull = 5;

const char* name_of(BadRecord kind) {
  constexpr const char* kNames[kBadRecordKinds] = {
      "lines of malformed JSON",     "lines of invalid UTF-8",  "records without a text",
      "records with an empty text",  "lines that are too long", "records with an invalid id",
      "unreadable or corrupt shards"};
  return kNames[static_cast<int>(kind)];
}

bool is_power_of_ten(int64_t value) {
  while (value % 10 == 0) value /= 10;
  return value == 1;
}

const char* remedy_of(BadRecord kind) {
  if (kind == BadRecord::corrupt_shard) {
    return "fetch the shard again, or set data.on_bad_record: skip";
  }
  if (kind == BadRecord::too_long) {
    return "raise data.max_document_bytes, or set data.on_bad_record: skip";
  }
  return "mend or remove the line, or set data.on_bad_record: skip";
}

}  // namespace

DataCounters& DataCounters::operator+=(const DataCounters& other) {
  for (const auto member :
       {&DataCounters::documents, &DataCounters::tokens, &DataCounters::malformed,
        &DataCounters::invalid_utf8, &DataCounters::missing_text, &DataCounters::empty_text,
        &DataCounters::too_long, &DataCounters::invalid_id, &DataCounters::corrupt_shards,
        &DataCounters::shards, &DataCounters::lost_shards}) {
    this->*member += other.*member;
  }
  return *this;
}

void Ledger::report(BadRecord kind, const std::string& shard, int64_t line,
                    const std::string& reason) {
  const std::string what = fmt::format("{}:{}: {}", shard, line + 1, reason);
  if (fails()) throw DataError(fmt::format("{}; {}", what, remedy_of(kind)));
  int64_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    if (kind == BadRecord::corrupt_shard && !corrupt_.insert(shard).second) return;
    count = ++bad_[static_cast<size_t>(kind)];
  }
  if (count <= kToldInFull) {
    log::warn("{}; skipped", what);
  } else if (is_power_of_ten(count)) {
    log::warn("{}; skipped, {} {} so far", what, count, name_of(kind));
  }
}

void Ledger::count_document(int64_t tokens) {
  const std::lock_guard lock(mutex_);
  ++documents_;
  tokens_ += tokens;
}

DataCounters Ledger::counters() const {
  const std::lock_guard lock(mutex_);
  const auto count = [this](BadRecord kind) { return bad_[static_cast<size_t>(kind)]; };
  DataCounters counters;
  counters.documents = documents_;
  counters.tokens = tokens_;
  counters.malformed = count(BadRecord::malformed);
  counters.invalid_utf8 = count(BadRecord::invalid_utf8);
  counters.missing_text = count(BadRecord::missing_text);
  counters.empty_text = count(BadRecord::empty_text);
  counters.too_long = count(BadRecord::too_long);
  counters.invalid_id = count(BadRecord::invalid_id);
  counters.corrupt_shards = count(BadRecord::corrupt_shard);
  return counters;
}

}  // namespace sy
