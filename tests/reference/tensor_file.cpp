// SPDX-License-Identifier: Apache-2.0
#include "tests/reference/tensor_file.h"

#include <fmt/format.h>

#include "lib/convert/hf/safetensors.h"

namespace sy::test {
using convert::File;
using convert::SafetensorsEntry;

namespace {

template <class T>
std::vector<T> read_values(const File& file, const SafetensorsEntry& entry) {
  std::vector<T> values(static_cast<size_t>(entry.bytes) / sizeof(T));
  file.read(values.data(), entry.begin, entry.bytes);
  return values;
}

}  // namespace

TensorFile read_tensor_file(const std::string& path) {
  const File file = File::open(path);
  TensorFile tensors;
  for (const SafetensorsEntry& entry : convert::read_safetensors_header(file)) {
    FileTensor& tensor = tensors[entry.name];
    tensor.shape = entry.shape;
    if (entry.dtype == "F32") {
      tensor.values = read_values<float>(file, entry);
    } else if (entry.dtype == "I32") {
      tensor.ids = read_values<int32_t>(file, entry);
    } else {
      throw DataError(
          fmt::format("{}: {} is {}; F32 and I32 can be read", path, entry.name, entry.dtype));
    }
  }
  return tensors;
}

void write_tensor_file(const std::string& path, const TensorFile& file) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : file) entries.push_back({name, "F32", tensor.shape});
  convert::SafetensorsWriter writer(path, entries);
  for (const auto& [name, tensor] : file) {
    writer.append(tensor.values.data(), static_cast<int64_t>(tensor.values.size() * sizeof(float)));
  }
  writer.close();
}

}  // namespace sy::test
