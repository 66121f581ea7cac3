// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/c4_reader.h"

#include <fmt/core.h>
#include <simdjson.h>

#include "lib/data/text/line_scan.h"

namespace sy {
namespace {

static_assert(LineReader::kPadding >= static_cast<int64_t>(simdjson::SIMDJSON_PADDING));

std::string_view without_byte_order_mark(std::string_view line) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return line.starts_with(kMark) ? line.substr(kMark.size()) : line;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

struct C4Reader::Parser {
  simdjson::dom::parser json;
  ScannedLine scanned;
};

C4Reader::C4Reader(std::string shard, const ReaderOptions& options, Ledger& ledger)
    : shard_(std::move(shard)),
      options_(options),
      ledger_(ledger),
      parser_(std::make_unique<Parser>()) {
  try {
    auto source = options.cache == nullptr ? open_shard(shard_) : options.cache->open(shard_);
    lines_ = std::make_unique<LineReader>(std::move(source), options.max_document_bytes,
                                          options.cancelled);
  } catch (const ShardFault& fault) {
    close_at_fault(fault);
  }
}

C4Reader::~C4Reader() = default;

void C4Reader::skip(int64_t lines) {
  std::string_view line;
  try {
    while (line_ < lines && lines_ != nullptr) {
      if (lines_->next(line) == LineReader::Result::end) {
        lines_.reset();
        return;
      }
      ++line_;
    }
  } catch (const ShardFault& fault) {
    close_at_fault(fault);
  }
}

bool C4Reader::next(std::string_view& text) {
  std::string_view line;
  while (next_line(line)) {
    if (parse(line, text)) return true;
  }
  return false;
}

bool C4Reader::next(std::vector<int32_t>& ids, int64_t end) {
  std::string_view line;
  while (next_line(line)) {
    if (parse(line, ids, end)) return true;
  }
  return false;
}

// The next line of this part that is neither blank nor too long. False at the end or at a fault.
bool C4Reader::next_line(std::string_view& line) {
  while (lines_ != nullptr) {
    LineReader::Result result;
    try {
      result = lines_->next(line);
    } catch (const ShardFault& fault) {
      close_at_fault(fault);
      return false;
    }
    if (result == LineReader::Result::end) {
      lines_.reset();
      return false;
    }
    if (line_ == 0) line = without_byte_order_mark(line);
    const bool mine = line_++ % options_.parts == options_.part;
    if (!mine) continue;
    if (result == LineReader::Result::too_long) {
      report(BadRecord::too_long,
             fmt::format("the line is longer than data.max_document_bytes ({})",
                         options_.max_document_bytes));
    } else if (!is_blank(line)) {
      return true;
    }
  }
  return false;
}

// Reports a line that is not a record with a text, and returns false.
bool C4Reader::parse(std::string_view line, std::string_view& text) {
  simdjson::dom::element record;
  constexpr bool kCopy = false;  // the line reader keeps padding after every line
  const auto error = parser_->json.parse(line.data(), line.size(), kCopy).get(record);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error != simdjson::SUCCESS || record[options_.text_key].get(text) != simdjson::SUCCESS) {
    if (!scan(line)) return false;
    text = parser_->scanned.text;
  }
  if (text.empty()) {
    report(BadRecord::empty_text, fmt::format("the record's `{}` is empty", options_.text_key));
  }
  return !text.empty();
}

// Reports a line that is not a record with a list of ids, and returns false.
bool C4Reader::parse(std::string_view line, std::vector<int32_t>& ids, int64_t end) {
  simdjson::dom::element record;
  simdjson::dom::array list;
  constexpr bool kCopy = false;  // as above
  const auto error = parser_->json.parse(line.data(), line.size(), kCopy).get(record);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error != simdjson::SUCCESS) {
    report(BadRecord::malformed,
           fmt::format("the line is not JSON: {}", simdjson::error_message(error)));
    return false;
  }
  if (record[options_.text_key].get(list) != simdjson::SUCCESS) {
    report(BadRecord::missing_text,
           fmt::format("the record has no list of ids `{}`; set data.text_key", options_.text_key));
    return false;
  }
  ids.clear();
  for (const simdjson::dom::element element : list) {
    int64_t id = 0;
    if (element.get(id) != simdjson::SUCCESS || id < 0 || id >= end) {
      report(BadRecord::invalid_id,
             fmt::format("item {} of the record's `{}` is {} and not an id from 0 to {}",
                         ids.size(), options_.text_key, simdjson::minify(element), end - 1));
      return false;
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  if (ids.empty()) {
    report(BadRecord::empty_text, fmt::format("the record's `{}` is empty", options_.text_key));
  }
  return !ids.empty();
}

// Looks at a line that simdjson could not use.
bool C4Reader::scan(std::string_view line) {
  if (!simdjson::validate_utf8(line.data(), line.size())) {
    report(BadRecord::invalid_utf8, "the line is not valid UTF-8");
    return false;
  }
  parser_->scanned = scan_line(line, options_.text_key);
  const ScannedLine& scanned = parser_->scanned;
  if (!scanned.has_text) {
    report(scanned.is_json ? BadRecord::missing_text : BadRecord::malformed, scanned.fault);
  }
  return scanned.has_text;
}

// Reports the line just passed.
void C4Reader::report(BadRecord kind, const std::string& reason) {
  ledger_.report(kind, shard_, line_ - 1, reason);
}

void C4Reader::close_at_fault(const ShardFault& fault) {
  lines_.reset();
  fault_ = fault.what();
  const bool mine = line_ % options_.parts == options_.part;
  if (mine || ledger_.fails()) {
    ledger_.report(BadRecord::corrupt_shard, shard_, line_,
                   fmt::format("the shard {}", fault.what()));
  }
}

}  // namespace sy
