// Parameters on their way from one form to another, a slice (model_params.h) at a time, so that
// memory holds about one tensor and never the model.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/convert/hf/float_type.h"
#include "lib/convert/hf/hf_names.h"
#include "lib/model/param.h"

namespace sy::convert {

// What is known of the Hugging Face folder that the parameters come from, however long ago.
struct HfOrigin {
  std::optional<HfFamily> family;
  std::optional<FloatType> dtype;
};

// `values` are float32 of slice_shape(param) and valid during the call.
using SliceUse = std::function<void(int64_t slice, const Tensor& values)>;

class ParamSource {
 public:
  virtual ~ParamSource() = default;

  virtual const RunConfig& config() const = 0;  // valid and resolved
  virtual HfOrigin origin() const = 0;
  // All slices of one of model_params(config().model), in order. Throws DataError.
  virtual void read(const Param& param, const SliceUse& use) = 0;
};

// A small file that goes with the parameters, such as the tokenizer's.
struct ExtraFile {
  std::string name;
  std::string contents;
};

class ParamSink {
 public:
  virtual ~ParamSink() = default;

  // Every slice of all model_params in order. Throws RuntimeFailure naming the file.
  virtual void write(const Param& param, int64_t slice, const Tensor& values) = 0;
  // Makes the result appear, with the files that belong to it besides. Without it nothing is left.
  virtual void commit(const std::vector<ExtraFile>& extra) = 0;
};

}  // namespace sy::convert
