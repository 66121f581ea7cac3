// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/json_split.h"

#include <fmt/core.h>

#include "lib/tasks/task_files.h"

namespace sy {
namespace {

constexpr size_t kBlock = 256 << 10;
constexpr size_t kLongestRecord = 256 << 20;

}  // namespace

JsonSplit::JsonSplit(std::string file, std::string_view list_key) : buffer_(kBlock) {
  place_ = {std::move(file), 1};
  try {
    source_ = open_shard(place_.file);
  } catch (const ShardFault& fault) {
    fail_file(place_.file, fault.what());
  }
  for (const char byte : std::string_view("\xEF\xBB\xBF")) {
    if (peek() == static_cast<unsigned char>(byte)) take();
  }
  const int first = peek_beyond_space();
  if (first == kEnd) fail_file(place_.file, "is empty");
  if (first == '{' && !list_key.empty()) find_list(list_key);
  in_list_ = peek_beyond_space() == '[';
  if (in_list_) take();
}

bool JsonSplit::next(std::string& record) {
  record.clear();
  int first = peek_beyond_space();
  if (in_list_ && first == ',') {
    take();
    first = peek_beyond_space();
  }
  record_ = place_;
  if (in_list_ ? first == ']' : first == kEnd) {
    if (records_ == 0) fail_file(place_.file, "holds no record");
    return false;
  }
  if (first == kEnd) fail("the file ends within a list; fetch it again");
  if (first != '{') fail("the line is no JSON object; correct it or leave it out");
  copy_value(record);
  ++records_;
  return true;
}

std::string JsonSplit::path() const {
  return list_.empty() ? "" : fmt::format("{}[{}]", list_, records_ - 1);
}

// Passes over the members of the file's object that stand before the list.
void JsonSplit::find_list(std::string_view list_key) {
  std::string key, passed;
  record_ = place_;
  take();
  while (peek_beyond_space() == '"') {
    key.clear();
    copy_string(key);
    if (peek_beyond_space() != ':') fail("a colon is missing; correct the file");
    take();
    const bool wanted = key.substr(1, key.size() - 2) == list_key;
    if (wanted && peek_beyond_space() == '[') {
      list_ = list_key;
      return;
    }
    passed.clear();
    copy_value(passed);
    if (peek_beyond_space() == ',') take();
  }
  fail_at(place_, fmt::format("the file's object has no list `{}`; correct the task's form or file",
                              list_key));
}

// Appends a value, up to the end of its brackets; one without brackets up to the next comma or
// bracket.
void JsonSplit::copy_value(std::string& text) {
  int depth = 0;
  do {
    const int c = peek();
    if (c == kEnd) fail("the file ends within the record that begins here; complete it");
    if (text.size() > kLongestRecord) fail("the record is longer than 256 MiB; close its brackets");
    if (c == '"') {
      copy_string(text);
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}' || c == ']')) return;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    text += static_cast<char>(take());
    if (depth == 0 && (c == '}' || c == ']')) return;
  } while (true);
}

// Appends a string with its quotes, escapes as they are.
void JsonSplit::copy_string(std::string& text) {
  text += static_cast<char>(take());
  while (true) {
    const int c = take();
    if (c == kEnd) fail("the file ends within a string; complete the record");
    text += static_cast<char>(c);
    if (c == '"') return;
    if (c == '\\' && peek() != kEnd) text += static_cast<char>(take());
  }
}

int JsonSplit::take() {
  const int c = peek();
  if (c == kEnd) return kEnd;
  ++begin_;
  if (c == '\n') ++place_.line;
  return c;
}

int JsonSplit::peek() {
  if (begin_ == end_ && !refill()) return kEnd;
  return static_cast<unsigned char>(buffer_[begin_]);
}

int JsonSplit::peek_beyond_space() {
  while (true) {
    const int c = peek();
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return c;
    take();
  }
}

bool JsonSplit::refill() {
  try {
    begin_ = 0;
    end_ = source_->read(buffer_.data(), buffer_.size());
    return end_ > 0;
  } catch (const ShardFault& fault) {
    fail_file(place_.file, fault.what());
  }
}

void JsonSplit::fail(const char* fault) const {
  fail_at(record_, fault);
}

}  // namespace sy
