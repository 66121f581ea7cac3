// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/json_text.h"

#include <limits>
#include <optional>

#include "lib/checkpoint/checksum.h"

namespace sy::checkpoint {
namespace {

constexpr const char* kSealHead = "\n\"xxh3\": \"";
constexpr const char* kSealTail = "\"}\n";

std::string seal_of(std::string_view body) {
  const uint64_t sum = checksum(body.data(), static_cast<int64_t>(body.size()));
  return kSealHead + to_hex(sum) + kSealTail;
}

// Nothing where the value is no integer, or out of [low, high].
std::optional<int64_t> integer_in(const Json& value, int64_t low, int64_t high) {
  constexpr auto kLargest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<uint64_t>() > kLargest) return std::nullopt;
  const auto number = value.get<int64_t>();
  return number < low || number > high ? std::nullopt : std::optional(number);
}

}  // namespace

std::string json_quote(const std::string& text) {
  return json_line(Json(text));
}

std::string seal_json(std::string open_object) {
  const std::string seal = seal_of(open_object);
  return std::move(open_object) + seal;
}

void check_seal(const std::string& text, const std::string& path) {
  const size_t size = seal_of("").size();
  const std::string_view view(text);
  if (view.size() < size ||
      view.substr(view.size() - size) != seal_of(view.substr(0, view.size() - size))) {
    throw DataError(
        fmt::format("{} does not match its own checksum: it is truncated or altered", path));
  }
}

JsonObject::JsonObject(const Json& value, std::string place)
    : object_(&value), place_(std::move(place)) {
  if (!value.is_object()) throw DataError(fmt::format("{}: an object is expected", place_));
}

void JsonObject::fail(const std::string& key, const std::string& problem) const {
  throw DataError(fmt::format("{}: \"{}\" {}", place_, key, problem));
}

const Json& JsonObject::at(const char* key) const {
  const auto found = object_->find(key);
  if (found == object_->end()) fail(key, "is missing");
  return *found;
}

const Json& JsonObject::array(const char* key) const {
  const Json& value = at(key);
  if (!value.is_array()) fail(key, "must be an array");
  return value;
}

int64_t JsonObject::integer(const char* key, int64_t low, int64_t high) const {
  const std::optional<int64_t> value = integer_in(at(key), low, high);
  if (!value) fail(key, fmt::format("must be an integer from {} to {}", low, high));
  return *value;
}

std::string JsonObject::text(const char* key) const {
  const Json& value = at(key);
  if (!value.is_string()) fail(key, "must be a string");
  return value.get<std::string>();
}

std::string JsonObject::text_or_none(const char* key) const {
  return object_->contains(key) ? text(key) : "";
}

uint64_t JsonObject::checksum(const char* key) const {
  const std::optional<uint64_t> value = from_hex(text(key));
  if (!value) fail(key, "must be 16 hexadecimal digits");
  return *value;
}

std::vector<int64_t> JsonObject::integers(const char* key, int64_t low, int64_t high) const {
  std::vector<int64_t> values;
  for (const Json& item : array(key)) {
    const std::optional<int64_t> value = integer_in(item, low, high);
    if (!value) fail(key, fmt::format("must hold integers from {} to {}", low, high));
    values.push_back(*value);
  }
  return values;
}

JsonObject JsonObject::object(const char* key) const {
  return JsonObject(at(key), fmt::format("{}: {}", place_, key));
}

std::vector<JsonObject> JsonObject::objects(const char* key) const {
  std::vector<JsonObject> objects;
  for (const Json& item : array(key)) {
    objects.emplace_back(item, fmt::format("{}: {}[{}]", place_, key, objects.size()));
  }
  return objects;
}

}  // namespace sy::checkpoint
