// SPDX-License-Identifier: Apache-2.0
// A safetensors file: eight bytes with the length N of the header (little-endian), N bytes of JSON
// that give element type, shape and position of each tensor, then the contents of the tensors one
// after another. Source: README of the safetensors repository, "Format".
//
// Files may come from anywhere, so everything in a header is checked before it is used. Each error
// is a DataError that names the file and the tensor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/convert/hf/file.h"

namespace sy::convert {

// The limit of the format on N.
constexpr int64_t kLargestHeader = 100'000'000;

struct SafetensorsEntry {
  std::string name;
  std::string dtype;           // "F32"
  std::vector<int64_t> shape;  // row-major; none for a scalar
  int64_t begin = 0;           // in bytes from the beginning of the file
  int64_t bytes = 0;
};

std::string lfs_message(const std::string& path);           // for a file that is_lfs_pointer()
std::string json_quote(std::string_view text);              // the text as a JSON string
std::string shape_text(const std::vector<int64_t>& shape);  // "[2, 3]"

// The tensors of a header, ordered by position. Throws DataError unless they fill the `data_bytes`
// bytes from `data_begin` on without gaps or overlaps. `path` is for messages.
std::vector<SafetensorsEntry> parse_safetensors_header(std::string_view json, int64_t data_begin,
                                                       int64_t data_bytes, const std::string& path);

// The same for a file.
std::vector<SafetensorsEntry> read_safetensors_header(const File& file);

// Writes a file. Of the entries, name (unique), dtype ("F32", "BF16" or "F16") and shape are used.
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::string& path, const std::vector<SafetensorsEntry>& entries);

  // The next bytes of the tensors, in the order of the entries.
  void append(const void* data, int64_t bytes);
  // Makes the file durable. All bytes must have been appended.
  void close();

 private:
  File file_;
  int64_t missing_ = 0;  // bytes not yet appended
};

}  // namespace sy::convert
