// A model's logits, by incremental decoding.
#pragma once

#include "lib/data/batcher.h"
#include "lib/generate/logits.h"
#include "lib/generate/options.h"
#include "lib/model/decode.h"

namespace sy {

// What decoding is planned for, for prompts of at most `encoder_length` tokens.
DecodeShape decode_shape(const GenerateOptions& options, int64_t encoder_length);

class ModelLogits : public NextLogits {
 public:
  // All are allocated and outlive this. `usable`: see LogitRows; 0 is the whole vocabulary.
  ModelLogits(SwitchModel& model, Decoder& decoder, Exec& exec, int64_t usable = 0);

  // Prompts hold 1 .. encoder_length ids of the vocabulary.
  void begin(std::span<const std::vector<int32_t>> prompts) override;
  LogitRows next(std::span<const int32_t> parents, std::span<const int32_t> ids) override;

 private:
  SwitchModel& model_;
  Decoder& decoder_;
  Exec& exec_;
  int64_t usable_;
  BatchBuilder prompts_;
  std::vector<float> logits_;  // a copy, where they do not lie in host memory
};

}  // namespace sy
