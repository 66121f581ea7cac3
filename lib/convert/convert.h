// SPDX-License-Identifier: Apache-2.0
// The implementation of `switchyard convert`: lossless conversion of weights between Hugging Face
// folders (config.json and safetensors of T5 or SwitchTransformers) and Switchyard checkpoints.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/convert/hf/float_type.h"

namespace sy::convert {

enum class Form : uint8_t { hugging_face, switchyard };

struct ConvertOptions {
  Form from = Form::hugging_face, to = Form::switchyard;
  std::string in, out;  // folders; `out` must not exist, and receives the tokenizer files of `in`

  std::vector<std::string> overrides;   // KEY=VALUE, replacing keys of the config.json that is read
  std::optional<FloatType> dtype;       // of the tensors of a Hugging Face folder; unset: the type
                                        // that the model was read in, if any, else float32
  int64_t shard_bytes = 5'000'000'000;  // limit on a file of a Hugging Face folder

  int64_t upcycle = 0;   // copies of each dense feed-forward layer as experts; 0: do not upcycle
  int64_t interval = 2;  // every interval-th feed-forward layer
};

// Logs progress, and warnings about what the other side treats differently. Throws ConfigError
// (`out` exists, or the other side cannot represent the model), DataError (damaged input) or
// RuntimeFailure (such as a full disk), and then leaves nothing at `out`.
void convert_model(const ConvertOptions& options);

}  // namespace sy::convert
