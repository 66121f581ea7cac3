// SPDX-License-Identifier: Apache-2.0
// Names and layouts of our parameters in the state dicts of Hugging Face's T5 and
// SwitchTransformers. Linear maps are [out, in] there and [in, out] here; tables and norms are the
// same. Each expert is a separate tensor there and a slice of one tensor here.
//
//   encoder/layers/3/moe/wi [E, d, f]  <->  encoder.block.3.layer.1.mlp.experts.expert_e.wi.weight
//   [f, d]
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/model/param.h"

namespace sy::convert {

// mT5 has the layers of T5; its configuration has other defaults.
enum class HfFamily : uint8_t { t5, mt5, switch_transformers };

// The values of model_type and architectures in config.json.
const char* model_type_of(HfFamily family);
std::optional<HfFamily> family_of(std::string_view model_type);
const char* architecture_of(HfFamily family);

struct HfTensor {
  std::string name;
  std::vector<int64_t> shape;
  bool transposed = false;  // relative to our slice
};

// The tensor of a parameter's slice (param_stream.h). T5 has no experts and SwitchTransformers has
// no gated layers: InternalError for those.
HfTensor hf_tensor(const Param& param, int64_t slice, HfFamily family, Activation activation);

// Other names under which files may hold the same tensor: the embedding by each of its uses, the
// output projection inside the decoder. The first name present is read; the others must hold the
// same values.
std::vector<std::string> hf_aliases(const Param& param, bool tied);

// The aliases that a file must also contain: if embeddings are not tied, transformers 4.x
// initialises the embeddings of SwitchTransformers' stacks randomly unless they are there by name.
std::vector<std::string> hf_copies(const Param& param, HfFamily family, bool tied);

// Tensors that old T5 files hold but no release of transformers reads; they can be ignored.
bool is_unused_by_hf(const std::string& name);

}  // namespace sy::convert
