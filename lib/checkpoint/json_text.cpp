#include "lib/checkpoint/json_text.h"

#include "lib/checkpoint/checksum.h"

namespace sy::checkpoint {
namespace {

constexpr const char* kSealHead = "\n\"xxh3\": \"";
constexpr const char* kSealTail = "\"}\n";

std::string seal_of(std::string_view body) {
  const uint64_t sum = checksum(body.data(), static_cast<int64_t>(body.size()));
  return kSealHead + to_hex(sum) + kSealTail;
}

}  // namespace

std::string json_quote(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
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
    throw DataError(fmt::format("{} does not match its own checksum: it is torn or altered", path));
  }
}

JsonObject::JsonObject(simdjson::dom::element element, std::string place)
    : place_(std::move(place)) {
  if (element.get(object_) != simdjson::SUCCESS) {
    throw DataError(fmt::format("{}: an object is expected", place_));
  }
}

void JsonObject::fail(const std::string& key, const std::string& problem) const {
  throw DataError(fmt::format("{}: \"{}\" {}", place_, key, problem));
}

simdjson::dom::element JsonObject::at(const char* key) const {
  simdjson::dom::element element;
  if (object_.at_key(key).get(element) != simdjson::SUCCESS) fail(key, "is missing");
  return element;
}

int64_t JsonObject::integer(const char* key, int64_t low, int64_t high) const {
  int64_t value = 0;
  if (at(key).get(value) != simdjson::SUCCESS || value < low || value > high) {
    fail(key, fmt::format("must be an integer from {} to {}", low, high));
  }
  return value;
}

std::string JsonObject::text(const char* key) const {
  std::string_view value;
  if (at(key).get(value) != simdjson::SUCCESS) fail(key, "must be a string");
  return std::string(value);
}

uint64_t JsonObject::checksum(const char* key) const {
  const std::optional<uint64_t> value = from_hex(text(key));
  if (!value) fail(key, "must be 16 hexadecimal digits");
  return *value;
}

std::vector<int64_t> JsonObject::integers(const char* key, int64_t low, int64_t high) const {
  simdjson::dom::array array;
  if (at(key).get(array) != simdjson::SUCCESS) fail(key, "must be an array");
  std::vector<int64_t> values;
  for (const simdjson::dom::element element : array) {
    int64_t value = 0;
    if (element.get(value) != simdjson::SUCCESS || value < low || value > high) {
      fail(key, fmt::format("must hold integers from {} to {}", low, high));
    }
    values.push_back(value);
  }
  return values;
}

JsonObject JsonObject::object(const char* key) const {
  return JsonObject(at(key), fmt::format("{}: {}", place_, key));
}

std::vector<JsonObject> JsonObject::objects(const char* key) const {
  simdjson::dom::array array;
  if (at(key).get(array) != simdjson::SUCCESS) fail(key, "must be an array");
  std::vector<JsonObject> objects;
  for (const simdjson::dom::element element : array) {
    objects.emplace_back(element, fmt::format("{}: {}[{}]", place_, key, objects.size()));
  }
  return objects;
}

}  // namespace sy::checkpoint
