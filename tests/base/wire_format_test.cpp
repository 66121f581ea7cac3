// SPDX-License-Identifier: Apache-2.0
#include "lib/base/wire_format.h"

#include <bit>
#include <catch2/catch.hpp>

namespace sy {
namespace {

TEST_CASE("wire_format: varints as protobuf documents them", "[wire_format]") {
  const auto bytes = [](uint64_t value) {
    std::string message;
    append_varint(message, value);
    return message;
  };
  CHECK(bytes(0) == std::string(1, '\0'));
  CHECK(bytes(127) == "\x7F");
  CHECK(bytes(150) == "\x96\x01");
  CHECK(bytes(~uint64_t{0}) == std::string(9, '\xFF') + "\x01");
}

// A field of each type.
std::string message_of_all() {
  std::string message;
  append_varint_field(message, 1, 300);
  append_float_field(message, 2, -1.5f);
  append_double_field(message, 3, 0.1);
  append_bytes_field(message, 1000, "text");
  return message;
}

TEST_CASE("wire_format: written fields can be read back", "[wire_format]") {
  CHECK(message_of_all().substr(0, 8) == std::string("\x08\xAC\x02\x15\x00\x00\xC0\xBF", 8));
  const std::string message = message_of_all();
  WireReader reader(message);
  auto field = reader.next();
  REQUIRE(field);
  CHECK(field->number == 1);
  CHECK(field->type == WireField::Type::varint);
  CHECK(field->value == 300);
  field = reader.next();
  REQUIRE(field);
  CHECK(field->number == 2);
  CHECK(std::bit_cast<float>(static_cast<uint32_t>(field->value)) == -1.5f);
  field = reader.next();
  REQUIRE(field);
  CHECK(field->number == 3);
  CHECK(std::bit_cast<double>(field->value) == 0.1);
  field = reader.next();
  REQUIRE(field);
  CHECK(field->number == 1000);
  CHECK(field->bytes == "text");
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.broken());
}

TEST_CASE("wire_format: a message cut off inside a field is broken", "[wire_format]") {
  const std::string message = message_of_all();
  const size_t ends[] = {0, 3, 8, 17, message.size()};
  for (size_t size = 0; size <= message.size(); ++size) {
    CAPTURE(size);
    const std::string part = message.substr(0, size);
    WireReader reader(part);
    while (reader.next()) {
    }
    const bool whole = std::find(std::begin(ends), std::end(ends), size) != std::end(ends);
    CHECK(reader.broken() == !whole);
    CHECK_FALSE(reader.next());
  }
}

TEST_CASE("wire_format: invalid fields are reported as broken", "[wire_format]") {
  for (const std::string& message :
       {std::string(11, '\xFF'), std::string("\x00", 1), std::string("\x0B\x01", 2),
        std::string("\x0F", 1), std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11)}) {
    WireReader reader(message);
    CHECK_FALSE(reader.next());
    CHECK(reader.broken());
  }
}

}  // namespace
}  // namespace sy
