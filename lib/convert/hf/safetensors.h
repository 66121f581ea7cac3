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

#include "lib/convert/hf/file.h"

namespace sy::convert {

// The format's own limit on N.
constexpr int64_t kLargestHeader = 100'000'000;

struct SafetensorsEntry {
  std::string name;
  std::string dtype;           // "F32"
  std::vector<int64_t> shape;  // row-major; none for a scalar
  int64_t begin = 0;           // in bytes from the file's beginning
  int64_t bytes = 0;
};

std::string shape_text(const std::vector<int64_t>& shape);  // "[2, 3]"

// The tensors of a header in the order of their bytes, which fill the `data_bytes` from
// `data_begin` on without a gap or an overlap. `path` is for messages.
std::vector<SafetensorsEntry> parse_safetensors_header(std::string_view json, int64_t data_begin,
                                                       int64_t data_bytes, const std::string& path);

// The same of a file.
std::vector<SafetensorsEntry> read_safetensors_header(const File& file);

// Writes one file. Of the entries name, dtype ("F32", "BF16" or "F16") and shape are read; names
// are unique.
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::string& path, const std::vector<SafetensorsEntry>& entries);

  // The next bytes of the tensors, in the order of the entries.
  void append(const void* data, int64_t bytes);
  // Durable when it returns. Every byte must have come.
  void close();

 private:
  File file_;
  int64_t missing_ = 0;  // bytes still to come
};

}  // namespace sy::convert
