// One safetensors file: eight bytes with the length N of the header (little-endian), N bytes of
// JSON that give each tensor's element type, shape and place, then the tensors' bytes one after
// another. Source: the format's description in the safetensors repository (README, "Format").
//
// Files come from anywhere, so everything a header says is checked before it is used; each fault is
// a DataError that names the file and the tensor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/convert/file.h"

namespace sy::convert {

// The format's own limit on N.
constexpr int64_t kLargestHeader = 100'000'000;

struct SafetensorsEntry {
  std::string name;
  std::string dtype;           // "F32"
  std::vector<int64_t> shape;  // row-major; none for a scalar
  int64_t begin = 0;           // in bytes from the first tensor's first byte
  int64_t bytes = 0;
};

std::string shape_text(const std::vector<int64_t>& shape);  // "[2, 3]"

// The tensors of a header in the order of their bytes, which fill `data_bytes` without a gap or an
// overlap. `path` is for messages.
std::vector<SafetensorsEntry> parse_safetensors_header(std::string_view json, int64_t data_bytes,
                                                       const std::string& path);

class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }

  // Bytes [begin, begin + bytes) of the tensor.
  void read(const SafetensorsEntry& entry, int64_t begin, int64_t bytes, void* out) const;

 private:
  File file_;
  int64_t data_begin_ = 0;
  std::vector<SafetensorsEntry> entries_;
};

// Writes the entries, whose `begin` and `bytes` it sets itself from dtype and shape. Names are
// unique.
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::string& path, std::vector<SafetensorsEntry> entries);

  // The next bytes of the tensors, in the order of the entries.
  void append(const void* data, int64_t bytes);
  // Durable when it returns. Every byte must have come.
  void close();

 private:
  File file_;
  int64_t missing_ = 0;  // bytes still to come
};

}  // namespace sy::convert
