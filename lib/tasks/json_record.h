// SPDX-License-Identifier: Apache-2.0
// A JSON value of a task's file, which knows where it stands: what is missing or of another type
// becomes a DataError that names file, line and the path within the record.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/tasks/record_place.h"

namespace sy {

class JsonRecord {
 public:
  // `place` must outlive the record. `path` is "" for a whole record.
  JsonRecord(simdjson::dom::element value, const RecordPlace& place, std::string path)
      : value_(value), place_(&place), path_(std::move(path)) {}

  // Whether there is a member that is not null.
  bool has(std::string_view key) const;
  JsonRecord at(std::string_view key) const;
  std::vector<JsonRecord> items(std::string_view key) const;  // of a list

  std::string_view text(std::string_view key) const { return at(key).as_text(); }
  int64_t integer(std::string_view key) const { return at(key).as_integer(); }
  // The texts of a list, at least one, or a single text.
  std::vector<std::string> texts(std::string_view key) const;

  std::string_view as_text() const;
  int64_t as_integer() const;
  // As labels are written: a text, an integer, or a truth value as True or False.
  std::string as_label() const;
  // as_label() of a member; nothing if there is none, or null.
  std::optional<std::string> label(std::string_view key) const;

  const RecordPlace& place() const { return *place_; }
  // Throws DataError "FILE:LINE: `path` fault"; `fault` ends with a remedy.
  [[noreturn]] void fail(std::string_view fault) const;

 private:
  std::string path_of(std::string_view key) const;
  [[noreturn]] void fail_type(const char* wanted) const;

  simdjson::dom::element value_;
  const RecordPlace* place_;
  std::string path_;
};

}  // namespace sy
