// SPDX-License-Identifier: Apache-2.0
// Reads parameters from a Hugging Face folder (config.json and safetensors).
#pragma once

#include <string>
#include <vector>

#include "lib/convert/hf/hf_config.h"
#include "lib/convert/hf/hf_folder.h"
#include "lib/convert/param_stream.h"

namespace sy::convert {

class HfSource : public ParamSource {
 public:
  // Throws DataError listing all disagreements between the tensors and config.json: missing and
  // unknown tensors, wrong shapes, unsupported types, copies of a tensor that differ. `overrides`
  // are KEY=VALUE and replace keys of config.json.
  HfSource(const std::string& path, const std::vector<std::string>& overrides);

  const RunConfig& config() const override { return hf_.config; }
  HfOrigin origin() const override { return {hf_.family, dtype_}; }
  void read(const Param& param, const SliceUse& use) override;

  // Differences from Hugging Face, one sentence each.
  const std::vector<std::string>& warnings() const { return hf_.warnings; }

 private:
  // The tensor of a slice in the files.
  const SafetensorsEntry* find(const Param& param, int64_t slice) const;
  void settle_dense_stacks(std::vector<std::string> overrides);
  void untie();
  void check_vocabulary(std::vector<std::string>& errors) const;
  void check_count(const std::vector<Param>& params) const;
  void check_tensors();
  void check_copies(const Param& param, std::vector<std::string>& errors);
  bool same_bytes(const SafetensorsEntry& a, const SafetensorsEntry& b);
  void note_dtypes();

  HfFolder folder_;
  HfModel hf_;
  FloatType dtype_ = FloatType::f32;  // of all tensors, or float32 if they differ
};

}  // namespace sy::convert
