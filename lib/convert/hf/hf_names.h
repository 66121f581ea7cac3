// What our parameters are called in the state dict of Hugging Face's T5 and SwitchTransformers, and
// how they lie there. Linear maps are [out, in] there and [in, out] here; tables and norms are the
// same. An expert is a tensor of its own there and a row of one tensor here.
//
//   encoder/layers/3/moe/wi [E, d, f]  <->  encoder.block.3.layer.1.mlp.experts.expert_e.wi.weight
//   [f, d]
#pragma once

#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/model/param.h"

namespace sy::convert {

enum class HfFamily : uint8_t { t5, switch_transformers };

// As config.json's model_type and architectures have it.
const char* model_type_of(HfFamily family);
const char* architecture_of(HfFamily family);

struct HfTensor {
  std::string name;
  std::vector<int64_t> shape;
  bool transposed = false;  // of the slice here
};

// Slice `slice` of a parameter (model_params.h). T5 has no experts and SwitchTransformers no gated
// layers: InternalError for those.
HfTensor hf_tensor(const Param& param, int64_t slice, HfFamily family, Activation activation);

// Other names under which files hold the same tensor: the embedding under each of its uses, the
// output projection inside the decoder. The first name present is the one to read; the others must
// agree with it.
std::vector<std::string> hf_aliases(const Param& param, bool tied);

// Those of the aliases that a file needs besides: with an output projection of its own,
// transformers 4.x loads SwitchTransformers' stacks with new random embeddings unless they are
// there by name.
std::vector<std::string> hf_copies(const Param& param, HfFamily family, bool tied);

// Tensors that old T5 files hold, that no release of transformers reads, and that can be left out.
bool is_unused_by_hf(const std::string& name);

}  // namespace sy::convert
