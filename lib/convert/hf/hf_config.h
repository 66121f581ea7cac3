// config.json of T5 and SwitchTransformers, and our configuration. Keys that a file leaves out have
// the defaults of Hugging Face's classes (reference: transformers 4.x, T5Config and
// SwitchTransformersConfig).
//
// A sparse model that is read keeps Hugging Face's rules (experts.convention). One that is written
// follows them there, whatever it was trained by: padding takes capacity, and the balance of all
// sparse layers of a stack is judged together. The coefficients are carried over as they are.
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
  RunConfig config;                   // valid and resolved; beside `model`, defaults
  std::vector<std::string> warnings;  // what is not the same here, one sentence each
};

// `overrides` are KEY=VALUE, over the file. Throws DataError listing every key of `path` that is
// wrong or has no equal here; ConfigError for an override that is no KEY=VALUE.
HfModel parse_hf_config(const std::string& text, const std::string& path,
                        const std::vector<std::string>& overrides);

struct HfDescription {
  HfFamily family = HfFamily::t5;
  std::string config_json;
  std::vector<std::string> warnings;
};

// `family` is what a dense model was read from, where that is known; else it becomes a T5. Throws
// ConfigError listing all that Hugging Face's models cannot do.
HfDescription describe_for_hf(const RunConfig& config, std::optional<HfFamily> family,
                              FloatType dtype);

}  // namespace sy::convert
