// SPDX-License-Identifier: Apache-2.0
// Cuts the records out of a file of JSON, one at a time, so that a file of gigabytes needs no more
// memory than its longest record.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/data/text/byte_source.h"
#include "lib/tasks/record_place.h"

namespace sy {

class JsonSplit {
 public:
  // The records are the items of the list in the file, or objects one after another (JSON Lines).
  // With a `list_key`, of the list under that key of the file's object. Throws DataError.
  JsonSplit(std::string file, std::string_view list_key);

  // Overwrites `record` with the next object's text, unparsed. False at the end. Throws DataError
  // if something else stands there, or if the file cannot be read or ends within a record.
  bool next(std::string& record);

  const RecordPlace& place() const { return record_; }  // of the first line of the last record
  // How the record is named within its file: "data[3]" in a list under a key, else "".
  std::string path() const;

 private:
  static constexpr int kEnd = -1;

  void find_list(std::string_view list_key);
  void copy_value(std::string& text);
  void copy_string(std::string& text);
  int take();
  int peek();
  int peek_beyond_space();
  bool refill();
  [[noreturn]] void fail(const char* fault) const;

  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;  // bytes not taken yet
  RecordPlace place_, record_;
  std::string list_;  // the key
  bool in_list_ = false;
  int64_t records_ = 0;
};

}  // namespace sy
