// SPDX-License-Identifier: Apache-2.0
// Protobuf's wire format: a bounds-checked reader of a message's fields, and functions that append
// fields. Written by hand because libsentencepiece exports protobuf's symbols, and a second
// protobuf in the same process would clash with them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sy {

struct WireField {
  enum class Type : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
  uint32_t number = 0;
  Type type = Type::varint;
  uint64_t value = 0;      // of a varint, fixed64 or fixed32 field
  std::string_view bytes;  // of a length-delimited field
};

class WireReader {
 public:
  explicit WireReader(std::string_view message) : rest_(message) {}

  // The next field. Returns nothing at the end, or if the message is malformed (broken() is then
  // true).
  std::optional<WireField> next();
  bool broken() const { return broken_; }

 private:
  std::optional<uint64_t> varint();
  std::optional<uint64_t> fixed(size_t bytes);
  bool read_value(WireField& field);

  std::string_view rest_;
  bool broken_ = false;
};

void append_varint(std::string& message, uint64_t value);

void append_varint_field(std::string& message, uint32_t number, uint64_t value);
void append_float_field(std::string& message, uint32_t number, float value);
void append_double_field(std::string& message, uint32_t number, double value);

// Appends a length-delimited field.
void append_bytes_field(std::string& message, uint32_t number, std::string_view bytes);

// Appends the low `width` bytes of `value`, lowest first.
void append_little_endian(std::string& bytes, uint64_t value, int width);

}  // namespace sy
