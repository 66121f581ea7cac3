// Parameters out of a Hugging Face folder (config.json and safetensors).
#pragma once

#include <string>
#include <vector>

#include "lib/convert/hf/hf_config.h"
#include "lib/convert/hf/hf_folder.h"
#include "lib/convert/param_stream.h"

namespace sy::convert {

class HfSource : public ParamSource {
 public:
  // Throws DataError listing everything about the tensors that does not fit config.json: missing,
  // extra, misshapen, of no float type we read, copies of one tensor that differ. `overrides` are
  // KEY=VALUE over config.json.
  HfSource(const std::string& path, const std::vector<std::string>& overrides);

  const RunConfig& config() const override { return hf_.config; }
  HfOrigin origin() const override { return {hf_.family, dtype_}; }
  void read(const Param& param, const SliceUse& use) override;

  // What is not the same here, one sentence each.
  const std::vector<std::string>& warnings() const { return hf_.warnings; }

 private:
  // A slice's tensor in the files.
  const SafetensorsEntry* find(const Param& param, int64_t slice) const;
  void check_count(const std::vector<Param>& params) const;
  void check_tensors();
  void check_copies(const Param& param, std::vector<std::string>& faults);
  bool same_bytes(const SafetensorsEntry& a, const SafetensorsEntry& b);
  void note_dtypes();

  HfFolder folder_;
  HfModel hf_;
  FloatType dtype_ = FloatType::f32;  // of all tensors, or float32 where they differ
};

}  // namespace sy::convert
