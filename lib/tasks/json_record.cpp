// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/json_record.h"

#include <fmt/core.h>

namespace sy {
namespace {

const char* kind_of(const simdjson::dom::element& value) {
  switch (value.type()) {
    case simdjson::dom::element_type::OBJECT:
      return "an object";
    case simdjson::dom::element_type::ARRAY:
      return "a list";
    case simdjson::dom::element_type::STRING:
      return "a string";
    case simdjson::dom::element_type::BOOL:
      return "a truth value";
    case simdjson::dom::element_type::NULL_VALUE:
      return "null";
    default:
      return "a number";
  }
}

}  // namespace

bool JsonRecord::has(std::string_view key) const {
  simdjson::dom::element member;
  return value_[key].get(member) == simdjson::SUCCESS && !member.is_null();
}

JsonRecord JsonRecord::at(std::string_view key) const {
  simdjson::dom::element member;
  if (!value_.is_object()) fail_type("an object");
  if (value_[key].get(member) == simdjson::SUCCESS) return {member, *place_, path_of(key)};
  fail_at(*place_,
          fmt::format("`{}` is missing; add it, or correct the task's form", path_of(key)));
}

std::vector<JsonRecord> JsonRecord::items(std::string_view key) const {
  const JsonRecord list = at(key);
  if (!list.value_.is_array()) list.fail_type("a list");
  std::vector<JsonRecord> items;
  for (const simdjson::dom::element item : simdjson::dom::array(list.value_)) {
    items.emplace_back(item, *place_, fmt::format("{}[{}]", list.path_, items.size()));
  }
  return items;
}

std::vector<std::string> JsonRecord::texts(std::string_view key) const {
  const JsonRecord member = at(key);
  if (!member.value_.is_array()) return {std::string(member.as_text())};
  std::vector<std::string> texts;
  for (const JsonRecord& item : items(key)) texts.emplace_back(item.as_text());
  if (texts.empty()) member.fail("is an empty list; give at least one text");
  return texts;
}

std::string_view JsonRecord::as_text() const {
  if (!value_.is_string()) fail_type("a string");
  return std::string_view(value_);
}

int64_t JsonRecord::as_integer() const {
  int64_t integer = 0;
  if (value_.get(integer) != simdjson::SUCCESS) fail_type("an integer");
  return integer;
}

std::string JsonRecord::as_label() const {
  bool truth = false;
  if (value_.get(truth) == simdjson::SUCCESS) return truth ? "True" : "False";
  if (value_.is_string()) return std::string(as_text());
  return std::to_string(as_integer());
}

std::optional<std::string> JsonRecord::label(std::string_view key) const {
  if (!has(key)) return std::nullopt;
  return at(key).as_label();
}

void JsonRecord::fail(std::string_view fault) const {
  fail_at(*place_, path_.empty() ? fmt::format("the record {}", fault)
                                 : fmt::format("`{}` {}", path_, fault));
}

std::string JsonRecord::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void JsonRecord::fail_type(const char* wanted) const {
  fail(fmt::format("is {} and not {}; correct it, or the task's form", kind_of(value_), wanted));
}

}  // namespace sy
