// SPDX-License-Identifier: Apache-2.0
#include "tests/reference/parity_batch.h"

#include <fmt/format.h>

#include <algorithm>

namespace sy::test {

ParityBatch::ParityBatch(const std::string& path) : path_(path), file_(read_tensor_file(path)) {
  const std::vector<int64_t>& inputs = file_["input_ids"].shape;
  const std::vector<int64_t>& labels = file_["labels"].shape;
  if (inputs.size() != 2 || labels.size() != 2) {
    throw DataError(fmt::format("{}: input_ids and labels must be matrices", path));
  }
  const Shape encoder{inputs[0], inputs[1]}, decoder{inputs[0], labels[1]};
  std::vector<int32_t>& targets = file_["labels"].ids;
  std::replace(targets.begin(), targets.end(), -100, 0);
  batch_.streams[kEncoder].ids = take("input_ids", encoder);
  batch_.streams[kDecoder].ids = take("decoder_input_ids", decoder);
  batch_.targets = take("labels", decoder);
  batch_.streams[kEncoder].lengths = take("input_lengths", {inputs[0]});
  batch_.streams[kDecoder].lengths = take("label_lengths", {inputs[0]});
  batch_.streams[kEncoder].valid =
      mask(encoder_valid_, batch_.streams[kEncoder].lengths, inputs[1]);
  batch_.streams[kDecoder].valid =
      mask(decoder_valid_, batch_.streams[kDecoder].lengths, labels[1]);
}

Tensor ParityBatch::take(const std::string& name, Shape shape) {
  FileTensor& tensor = file_[name];
  if (static_cast<int64_t>(tensor.ids.size()) != shape.numel()) {
    throw DataError(fmt::format("{}: {} must be I32 {}", path_, name, shape.str()));
  }
  return Tensor(tensor.ids.data(), DType::i32, shape);
}

Tensor ParityBatch::mask(std::vector<int32_t>& memory, Tensor lengths, int64_t length) {
  for (int64_t b = 0; b < lengths.numel(); ++b) {
    for (int64_t i = 0; i < length; ++i) memory.push_back(i < lengths.data<int32_t>()[b]);
  }
  return Tensor(memory.data(), DType::i32, {static_cast<int64_t>(memory.size())});
}

ModelShape ParityBatch::shape() const {
  return {batch_.streams[kEncoder].ids.dim(0), batch_.streams[kEncoder].ids.dim(1),
          batch_.streams[kDecoder].ids.dim(1)};
}

int64_t ParityBatch::target_tokens() const {
  const int32_t* targets = batch_.targets.data<int32_t>();
  return batch_.targets.numel() - std::count(targets, targets + batch_.targets.numel(), 0);
}

}  // namespace sy::test
