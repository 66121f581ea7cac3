// SPDX-License-Identifier: Apache-2.0
// The batch of a comparison, as parity.py writes it (safetensors, I32):
//   input_ids [B, Le], decoder_input_ids [B, Ld], labels [B, Ld] (-100: no target),
//   input_lengths [B], label_lengths [B]: tokens before the padding
#pragma once

#include <string>

#include "lib/model/switch_model.h"
#include "tests/reference/tensor_file.h"

namespace sy::test {

class ParityBatch {
 public:
  // Throws DataError where a tensor is missing or of another shape.
  explicit ParityBatch(const std::string& path);
  ParityBatch(const ParityBatch&) = delete;
  ParityBatch& operator=(const ParityBatch&) = delete;

  const Batch& batch() const { return batch_; }
  ModelShape shape() const;
  int64_t target_tokens() const;

 private:
  Tensor take(const std::string& name, Shape shape);
  Tensor mask(std::vector<int32_t>& memory, Tensor lengths, int64_t length);

  std::string path_;
  TensorFile file_;
  std::vector<int32_t> encoder_valid_, decoder_valid_;
  Batch batch_;
};

}  // namespace sy::test
