// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <set>

#include "lib/convert/hf/safetensors.h"

namespace sy::convert {
namespace {
using simdjson::dom::element;

struct ElementType {
  std::string_view name;
  int64_t bytes;
};
constexpr ElementType kElementTypes[] = {{"BOOL", 1},    {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1},
                                         {"F8_E4M3", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
                                         {"BF16", 2},    {"I32", 4}, {"U32", 4}, {"F32", 4},
                                         {"F64", 8},     {"I64", 8}, {"U64", 8}};

// What an error refers to: the file, or a member of its header.
class Place {
 public:
  explicit Place(std::string text) : text_(std::move(text)) {}
  Place in(std::string_view name) const {
    return Place(fmt::format("{}: {}", text_, json_quote(name)));
  }
  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw DataError(fmt::format("{} {}", text_, fmt::format(format, std::forward<Args>(args)...)));
  }

 private:
  std::string text_;
};

// The members of an object. Duplicates are errors: simdjson would use the first, other readers the
// last.
std::vector<simdjson::dom::key_value_pair> members(element value, const Place& place) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) place.fail("is not a JSON object");
  std::vector<simdjson::dom::key_value_pair> result;
  std::set<std::string_view> seen;
  for (const simdjson::dom::key_value_pair member : object) {
    if (!seen.insert(member.key).second) place.in(member.key).fail("appears twice");
    result.push_back(member);
  }
  return result;
}

std::vector<int64_t> integers(element value, const Place& place) {
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) place.fail("is not an array");
  std::vector<int64_t> result;
  for (const element item : array) {
    int64_t number = 0;
    if (item.get(number) != simdjson::SUCCESS || number < 0) {
      place.fail("must contain non-negative integers only");
    }
    result.push_back(number);
  }
  return result;
}

int64_t element_bytes(const std::string& dtype, const Place& place) {
  for (const ElementType& type : kElementTypes) {
    if (type.name == dtype) return type.bytes;
  }
  place.fail("has the unknown dtype {}", json_quote(dtype));
}

// The size of the tensor that follows from its dtype and shape.
int64_t expected_bytes(const SafetensorsEntry& entry, const Place& place) {
  int64_t bytes = element_bytes(entry.dtype, place);
  for (const int64_t extent : entry.shape) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) {
      place.fail("has the shape {}, which is too large for any file", shape_text(entry.shape));
    }
  }
  return bytes;
}

void set_offsets(SafetensorsEntry& entry, const std::vector<int64_t>& offsets, int64_t data_bytes,
                 const Place& place) {
  if (offsets.size() != 2) place.fail("has {} data_offsets instead of two", offsets.size());
  if (offsets[0] > offsets[1] || offsets[1] > data_bytes) {
    place.fail("has data_offsets [{}, {}] outside of the {} bytes of tensors in the file",
               offsets[0], offsets[1], data_bytes);
  }
  entry.begin = offsets[0];
  entry.bytes = offsets[1] - offsets[0];
}

SafetensorsEntry parse_entry(std::string_view name, element value, int64_t data_bytes,
                             const Place& place) {
  SafetensorsEntry entry;
  entry.name = name;
  bool has_dtype = false, has_shape = false, has_offsets = false;
  for (const auto& [key, field] : members(value, place)) {
    if (key == "dtype") {
      std::string_view dtype;
      if (field.get(dtype) != simdjson::SUCCESS) place.in(key).fail("is not a string");
      entry.dtype = dtype;
      has_dtype = true;
    } else if (key == "shape") {
      entry.shape = integers(field, place.in(key));
      has_shape = true;
    } else if (key == "data_offsets") {
      set_offsets(entry, integers(field, place.in(key)), data_bytes, place);
      has_offsets = true;
    } else {
      place.in(key).fail("is not a known member of a tensor's description");
    }
  }
  if (!has_dtype || !has_shape || !has_offsets) {
    place.fail("has no {}", !has_dtype ? "dtype" : !has_shape ? "shape" : "data_offsets");
  }
  const int64_t expected = expected_bytes(entry, place);
  if (expected != entry.bytes) {
    place.fail("has {} bytes, but {} {} takes {}", entry.bytes, entry.dtype,
               shape_text(entry.shape), expected);
  }
  return entry;
}

// Besides the tensors, the format has an object of strings, which is not used here.
void check_metadata(element value, const Place& place) {
  for (const auto& [key, field] : members(value, place)) {
    if (!field.is_string()) place.in(key).fail("is not a string");
  }
}

// Sorts by position. Bytes that belong to no tensor are errors: they could hide anything.
void check_cover(std::vector<SafetensorsEntry>& entries, int64_t data_bytes, const Place& place) {
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.bytes) < std::pair(b.begin, b.bytes);
  });
  int64_t end = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin < end) place.in(entry.name).fail("overlaps the previous tensor");
    if (entry.begin > end) {
      place.in(entry.name)
          .fail("begins {} bytes after the end of the previous tensor", entry.begin - end);
    }
    end = entry.begin + entry.bytes;
  }
  if (end != data_bytes) place.fail("has {} bytes after the last tensor", data_bytes - end);
}

}  // namespace

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::vector<SafetensorsEntry> parse_safetensors_header(std::string_view json, int64_t data_begin,
                                                       int64_t data_bytes,
                                                       const std::string& path) {
  const Place place(path);
  if (!json.starts_with('{'))
    place.fail("is not a safetensors file: its header is not a JSON object");
  simdjson::dom::parser parser;
  element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
    place.fail("has a header that is not JSON: {}", simdjson::error_message(error));
  }
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, value] : members(root, place)) {
    if (name == "__metadata__") {
      check_metadata(value, place.in(name));
    } else {
      entries.push_back(parse_entry(name, value, data_bytes, place.in(name)));
    }
  }
  check_cover(entries, data_bytes, place);
  for (SafetensorsEntry& entry : entries) entry.begin += data_begin;
  return entries;
}

}  // namespace sy::convert
