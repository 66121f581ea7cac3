// JSON objects with a seal: their last member, "xxh3", is the checksum of all bytes before it.
// Reading goes through JsonObject, whose every complaint names the file and the member.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/error.h"

namespace sy::checkpoint {

// A quoted JSON string.
std::string json_quote(const std::string& text);

// Appends the seal and the closing brace to an object that is written up to the comma after its
// last member.
std::string seal_json(std::string open_object);

// Throws DataError unless the text ends in its own checksum.
void check_seal(const std::string& text, const std::string& path);

class JsonObject {
 public:
  // `place` stands in front of each complaint.
  JsonObject(simdjson::dom::element element, std::string place);

  // An integer in [low, high].
  int64_t integer(const char* key, int64_t low, int64_t high) const;
  std::string text(const char* key) const;
  uint64_t checksum(const char* key) const;  // 16 hexadecimal digits
  std::vector<int64_t> integers(const char* key, int64_t low, int64_t high) const;
  JsonObject object(const char* key) const;
  std::vector<JsonObject> objects(const char* key) const;

  [[noreturn]] void fail(const std::string& key, const std::string& problem) const;

 private:
  simdjson::dom::element at(const char* key) const;

  simdjson::dom::object object_;
  std::string place_;
};

}  // namespace sy::checkpoint
