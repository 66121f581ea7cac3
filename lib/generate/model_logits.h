// SPDX-License-Identifier: Apache-2.0
// Logits of a model, by incremental decoding.
#pragma once

#include "lib/data/batcher.h"
#include "lib/generate/logits.h"
#include "lib/generate/options.h"
#include "lib/model/decode.h"

namespace sy {

// The sizes to plan decoding for, with prompts of at most `encoder_length` tokens.
DecodeShape decode_shape(const GenerateOptions& options, int64_t encoder_length);

class ModelLogits : public NextLogits {
 public:
  // Model, decoder and exec must be allocated and must outlive this. For `usable` see LogitRows; 0
  // means the whole vocabulary.
  ModelLogits(SwitchModel& model, Decoder& decoder, Exec& exec, int64_t usable = 0);

  // Each prompt has up to encoder_length ids of the vocabulary. An empty one is padding: its logits
  // mean nothing.
  void begin(std::span<const std::vector<int32_t>> prompts) override;
  LogitRows next(std::span<const int32_t> parents, std::span<const int32_t> ids) override;

 private:
  SwitchModel& model_;
  Decoder& decoder_;
  Exec& exec_;
  int64_t usable_;
  BatchBuilder prompts_;
  std::vector<float> logits_;  // host copy, if they are not in host memory
};

}  // namespace sy
