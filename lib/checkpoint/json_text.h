// SPDX-License-Identifier: Apache-2.0
// JSON objects that end in a seal: the last member, "xxh3", is the checksum of all bytes before it.
// JsonObject checks what it reads; each of its errors names the file and the member.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace sy::checkpoint {

// A quoted JSON string.
std::string json_quote(const std::string& text);

// Appends the seal and the closing brace to an object that is written up to the comma after its
// last member.
std::string seal_json(std::string open_object);

// Throws DataError unless the text ends in its own checksum.
void check_seal(const std::string& text, const std::string& path);

// Larger files are refused rather than read.
constexpr JsonLimits kJsonLimits{.bytes = int64_t{256} << 20, .depth = 8};

// A view of an object; the document must outlive it.
class JsonObject {
 public:
  // `place` begins every error message.
  JsonObject(const Json& value, std::string place);

  // An integer in [low, high].
  int64_t integer(const char* key, int64_t low, int64_t high) const;
  std::string text(const char* key) const;
  std::string text_or_none(const char* key) const;  // "" if there is no such member
  uint64_t checksum(const char* key) const;         // 16 hexadecimal digits
  std::vector<int64_t> integers(const char* key, int64_t low, int64_t high) const;
  JsonObject object(const char* key) const;
  std::vector<JsonObject> objects(const char* key) const;

  [[noreturn]] void fail(const std::string& key, const std::string& problem) const;

 private:
  const Json& at(const char* key) const;
  const Json& array(const char* key) const;

  const Json* object_;
  std::string place_;
};

}  // namespace sy::checkpoint
