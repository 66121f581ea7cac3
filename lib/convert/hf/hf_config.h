// SPDX-License-Identifier: Apache-2.0
// Conversion between config.json of T5, mT5 and SwitchTransformers and our configuration. Keys that
// a file leaves out have the defaults of Hugging Face's classes (reference: T5Config, MT5Config and
// SwitchTransformersConfig of transformers 4.x; scale_decoder_outputs of 5.x).
//
// A sparse model that is read keeps Hugging Face's rules (experts.convention). One that is written
// follows them from then on, however it was trained: padding takes up capacity, and the balancing
// loss is computed over all sparse layers of a stack. Coefficients are carried over unchanged.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/convert/hf/float_type.h"
#include "lib/convert/hf/hf_names.h"

namespace sy::convert {

struct HfModel {
  HfFamily family = HfFamily::t5;
  RunConfig config;                   // valid and resolved; defaults in all sections but `model`
  std::vector<std::string> warnings;  // differences from Hugging Face, one sentence each
  // The embedding may be separate from the output projection although config.json ties them: so
  // transformers 5 saves T5 v1.1. The tensors decide (HfSource).
  bool maybe_untied = false;
  // Stacks ("encoder", "decoder") said to have no sparse layers, without a step. Transformers would
  // still make layer 1 sparse; the tensors decide here too.
  std::vector<std::string> maybe_dense = {};
};

// `overrides` are KEY=VALUE and replace keys of the file. Throws DataError listing every key of
// `path` that is wrong or has no counterpart here; ConfigError for an override that is not
// KEY=VALUE.
HfModel parse_hf_config(const std::string& text, const std::string& path,
                        const std::vector<std::string>& overrides);

struct HfDescription {
  HfFamily family = HfFamily::t5;
  std::string config_json;
  std::vector<std::string> warnings;
};

// `family` is the family that a dense model was read from, if known; otherwise it becomes a T5.
// Throws ConfigError listing everything that Hugging Face's models cannot represent.
HfDescription describe_for_hf(const RunConfig& config, std::optional<HfFamily> family,
                              FloatType dtype);

}  // namespace sy::convert
