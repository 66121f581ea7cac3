// SPDX-License-Identifier: Apache-2.0
// Parameters in transit from one format to another, one slice at a time, so that memory holds about
// one tensor and never the whole model.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/convert/hf/float_type.h"
#include "lib/convert/hf/hf_names.h"
#include "lib/model/param.h"

namespace sy::convert {

// The parameters as the model itself declares them, in order of declaration, without memory.
// model.vocab_size must be resolved.
std::vector<Param> model_params(const ModelSection& model);

// Each expert of a parameter is a slice; any other parameter is a single slice.
inline int64_t slices_of(const Param& param) {
  return param.placement.slices(param.shape);
}
inline Shape slice_shape(const Param& param) {
  return param.placement.slice_shape(param.shape);
}

// What is known about the Hugging Face folder that the parameters were first read from.
struct HfOrigin {
  std::optional<HfFamily> family;
  std::optional<FloatType> dtype;
};

// `values` is float32 of slice_shape(param) and only valid during the call.
using SliceUse = std::function<void(int64_t slice, const Tensor& values)>;

class ParamSource {
 public:
  virtual ~ParamSource() = default;

  virtual const RunConfig& config() const = 0;  // valid and resolved
  virtual HfOrigin origin() const = 0;
  // Passes all slices of one of model_params(config().model) to `use`, in order. Throws DataError.
  virtual void read(const Param& param, const SliceUse& use) = 0;
};

// Sparse upcycling (Komatsuzaki et al., arXiv:2212.05055): `dense` seen as a sparse model in which
// every interval-th feed-forward layer becomes a layer of `experts` copies of itself. Routers are
// initialised as in training from scratch, with draws from run.seed. Throws ConfigError if the
// model is already sparse, or if experts and interval do not fit it.
std::unique_ptr<ParamSource> upcycle(std::unique_ptr<ParamSource> dense, int64_t experts,
                                     int64_t interval);

// A small file that accompanies the parameters, such as the tokenizer.
struct ExtraFile {
  std::string name;
  std::string contents;
};

class ParamSink {
 public:
  virtual ~ParamSink() = default;

  // Takes every slice of all model_params, in order. Throws RuntimeFailure naming the file.
  virtual void write(const Param& param, int64_t slice, const Tensor& values) = 0;
  // Makes the result visible, together with the extra files. Without this call nothing remains.
  virtual void commit(const std::vector<ExtraFile>& extra) = 0;
};

}  // namespace sy::convert
