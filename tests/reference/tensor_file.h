// SPDX-License-Identifier: Apache-2.0
// A small safetensors file held whole, by tensor name.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace sy::test {

struct FileTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;  // of F32
  std::vector<int32_t> ids;   // of I32
};
using TensorFile = std::map<std::string, FileTensor>;

// Throws DataError where a tensor is neither F32 nor I32.
TensorFile read_tensor_file(const std::string& path);

// The values of all tensors, as F32.
void write_tensor_file(const std::string& path, const TensorFile& file);

}  // namespace sy::test
