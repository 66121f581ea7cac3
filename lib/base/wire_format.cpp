// SPDX-License-Identifier: Apache-2.0
#include "lib/base/wire_format.h"

#include <bit>

namespace sy {

std::optional<uint64_t> WireReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<uint64_t> WireReader::fixed(size_t bytes) {
  if (rest_.size() < bytes) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(rest_[i])) << (8 * i);
  }
  rest_.remove_prefix(bytes);
  return value;
}

bool WireReader::read_value(WireField& field) {
  std::optional<uint64_t> value;
  switch (field.type) {
    case WireField::Type::fixed64:
      value = fixed(8);
      break;
    case WireField::Type::fixed32:
      value = fixed(4);
      break;
    case WireField::Type::varint:
    case WireField::Type::bytes:
      value = varint();
      break;
    default:
      return false;
  }
  if (!value) return false;
  field.value = *value;
  if (field.type != WireField::Type::bytes) return true;
  if (*value > rest_.size()) return false;
  field.bytes = rest_.substr(0, *value);
  rest_.remove_prefix(*value);
  return true;
}

std::optional<WireField> WireReader::next() {
  if (rest_.empty() || broken_) return std::nullopt;
  constexpr uint64_t kLargestTag = 0xFFFFFFFF;
  WireField field;
  const std::optional<uint64_t> tag = varint();
  if (tag && *tag <= kLargestTag && *tag >> 3 != 0) {
    field.number = static_cast<uint32_t>(*tag >> 3);
    field.type = static_cast<WireField::Type>(*tag & 7);
    if (read_value(field)) return field;
  }
  broken_ = true;
  return std::nullopt;
}

void append_varint(std::string& message, uint64_t value) {
  for (; value >= 0x80; value >>= 7) message.push_back(static_cast<char>(value | 0x80));
  message.push_back(static_cast<char>(value));
}

void append_bytes_field(std::string& message, uint32_t number, std::string_view bytes) {
  append_varint(message, (static_cast<uint64_t>(number) << 3) | 2);
  append_varint(message, bytes.size());
  message.append(bytes);
}

void append_varint_field(std::string& message, uint32_t number, uint64_t value) {
  append_varint(message, static_cast<uint64_t>(number) << 3);
  append_varint(message, value);
}

void append_little_endian(std::string& bytes, uint64_t value, int width) {
  for (int i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
}

void append_float_field(std::string& message, uint32_t number, float value) {
  append_varint(message, static_cast<uint64_t>(number) << 3 | 5);
  append_little_endian(message, std::bit_cast<uint32_t>(value), 4);
}

void append_double_field(std::string& message, uint32_t number, double value) {
  append_varint(message, static_cast<uint64_t>(number) << 3 | 1);
  append_little_endian(message, std::bit_cast<uint64_t>(value), 8);
}

}  // namespace sy
