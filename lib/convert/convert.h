// The whole of `switchyard convert`: weights between Hugging Face folders (config.json and
// safetensors of T5 or SwitchTransformers) and Switchyard checkpoints, without loss.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/convert/hf/float_type.h"

namespace sy::convert {

enum class Form : uint8_t { hugging_face, switchyard };

struct ConvertOptions {
  Form from = Form::hugging_face, to = Form::switchyard;
  std::string in, out;  // folders; `out` must not exist, and gets the tokenizer's files of `in`

  std::vector<std::string> overrides;   // KEY=VALUE over the config.json that is read
  std::optional<FloatType> dtype;       // of tensors written for Hugging Face; unset: as they were
                                        // read there, now or before, else float32
  int64_t shard_bytes = 5'000'000'000;  // of a file written for Hugging Face

  int64_t upcycle = 0;   // experts that each dense layer's weights are copied into; 0: none
  int64_t interval = 2;  // every interval-th feed-forward layer
};

// Logs progress and, as warnings, what the other side treats differently. Throws ConfigError
// (`out` exists, or the other side cannot hold the model), DataError (the input) or RuntimeFailure
// (a full disk); then nothing is left at `out`.
void convert_model(const ConvertOptions& options);

}  // namespace sy::convert
