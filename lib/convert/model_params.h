// The parameters of a model as the model itself declares them, without memory.
#pragma once

#include <vector>

#include "lib/config/run_config.h"
#include "lib/model/param.h"

namespace sy::convert {

// In the order of declaration. model.vocab_size is resolved.
std::vector<Param> model_params(const ModelSection& model);

// A parameter is carried in slices: each expert is one, any other parameter is one slice whole.
inline int64_t slices_of(const Param& param) {
  return param.placement.slices(param.shape);
}
inline Shape slice_shape(const Param& param) {
  return param.placement.slice_shape(param.shape);
}

}  // namespace sy::convert
