// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of shards; the input is the file. Whatever it holds, each line is a document or
// a counted bad record, and the documents are the same however the shard is divided into parts and
// wherever reading resumes.
#include <simdjson.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "lib/base/error.h"
#include "lib/data/text/c4_reader.h"
#include "tests/fuzz/temporary_file.h"

namespace {
using sy::BadRecordPolicy;

constexpr int64_t kMaxDocumentBytes = 256;  // low, so that lines pass it

using Documents = std::map<int64_t, std::string>;  // by line

void require(bool condition) {
  if (!condition) std::abort();
}

struct Reading {
  Documents documents;
  int64_t lines = 0;
  int64_t bad = 0;
};

Reading read(const std::string& shard, int64_t first, int64_t part, int64_t parts) {
  sy::Ledger ledger(BadRecordPolicy::skip);
  sy::ReaderOptions options;
  options.part = part;
  options.parts = parts;
  options.max_document_bytes = kMaxDocumentBytes;
  sy::C4Reader reader(shard, options, ledger);
  reader.skip(first);
  Reading reading;
  for (std::string_view text; reader.next(text);) {
    require(!text.empty() && simdjson::validate_utf8(text.data(), text.size()));
    require(reading.documents.emplace(reader.line() - 1, text).second);
  }
  reading.lines = reader.line();
  reading.bad = ledger.counters().bad();
  return reading;
}

void check_parts(const std::string& shard, const Reading& whole, int64_t parts) {
  Documents documents;
  int64_t bad = 0;
  for (int64_t part = 0; part < parts; ++part) {
    Reading reading = read(shard, 0, part, parts);
    documents.merge(reading.documents);
    require(reading.documents.empty());  // no line belongs to two parts
    bad += reading.bad;
  }
  require(documents == whole.documents && bad == whole.bad);
}

void check_going_on(const std::string& shard, const Reading& whole, int64_t first) {
  const Reading rest = read(shard, first, 0, 1);
  const Documents expected(whole.documents.lower_bound(first), whole.documents.end());
  require(rest.documents == expected && rest.lines == whole.lines);
}

void check_failing(const std::string& shard, const Reading& whole) {
  sy::Ledger ledger(BadRecordPolicy::fail);
  sy::ReaderOptions options;
  options.max_document_bytes = kMaxDocumentBytes;
  bool failed = false;
  try {
    sy::C4Reader reader(shard, options, ledger);
    for (std::string_view text; reader.next(text);) {
    }
  } catch (const sy::DataError&) {
    failed = true;
  }
  require(failed == (whole.bad > 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const sy::fuzz::TemporaryFile file(".json");
  const std::string& shard = file.write({reinterpret_cast<const char*>(data), size});
  const Reading whole = read(shard, 0, 0, 1);
  check_parts(shard, whole, 3);
  check_going_on(shard, whole, whole.lines / 2);
  check_failing(shard, whole);
  return 0;
}
