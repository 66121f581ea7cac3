// SPDX-License-Identifier: Apache-2.0
// Hugging Face folders made up by tests: names and shapes as written down in the reference, not
// taken from the code under test.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/convert/hf/float_type.h"
#include "lib/convert/hf/hf_names.h"

namespace sy::test {

// A model in Hugging Face's words.
struct HfSpec {
  const char* name;
  int64_t d, f, heads, encoder, decoder, experts, sparse_encoder, sparse_decoder;
  bool tied;
  Activation activation;
  int64_t parameters = 0;  // where published
  int64_t vocabulary = 32128, head = 64;

  convert::HfFamily family() const {
    return experts > 0 ? convert::HfFamily::switch_transformers : convert::HfFamily::t5;
  }
};

// Small ones of every kind; d_kv * heads is not d_model.
const std::vector<HfSpec>& tiny_models();

using HfShapes = std::map<std::string, std::vector<int64_t>>;
HfShapes state_dict(const HfSpec& spec);
std::string config_json(const HfSpec& spec);

// A tensor of a folder, of any dtype.
struct HfValue {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
  bool operator==(const HfValue&) const = default;
};
using HfValues = std::map<std::string, HfValue>;

// Bit patterns of all kinds (NaNs and infinities too), another for each tensor.
HfValues random_values(const HfShapes& shapes, convert::FloatType type);

// Writes config.json and the tensors into one file, or dealt to `files` with an index.
void write_hf_folder(const std::string& folder, const std::string& config, const HfValues& values,
                     int files = 1);
void write_text(const std::string& path, const std::string& text);
HfValues read_hf_folder(const std::string& folder);

}  // namespace sy::test
