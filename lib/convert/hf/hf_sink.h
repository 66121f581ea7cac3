// SPDX-License-Identifier: Apache-2.0
// Writes parameters to a Hugging Face folder: config.json, and either model.safetensors or, if the
// tensors exceed the size limit of a file, several files with an index.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/convert/hf/hf_config.h"
#include "lib/convert/hf/safetensors.h"
#include "lib/convert/output_folder.h"
#include "lib/convert/param_stream.h"

namespace sy::convert {

struct HfSinkOptions {
  FloatType dtype = FloatType::f32;
  int64_t shard_bytes =
      5'000'000'000;  // of tensors per file; a larger tensor has a file of its own
};

class HfSink : public ParamSink {
 public:
  HfSink(const std::string& path, const ModelSection& model, const HfDescription& hf,
         HfSinkOptions options);

  void write(const Param& param, int64_t slice, const Tensor& values) override;
  void commit(const std::vector<ExtraFile>& extra) override;

 private:
  void plan_shards();
  void plan_tensor(HfTensor tensor, int64_t elements);
  std::vector<HfTensor> tensors_of(const Param& param, int64_t slice) const;
  void begin_shard();
  void end_shard();
  void write_tensor(const HfTensor& tensor, const float* values);
  std::string index_json() const;

  OutputFolder folder_;
  ModelSection model_;
  HfDescription hf_;
  HfSinkOptions options_;
  int64_t planned_ = 0;                                // bytes in the last of shards_
  std::vector<std::vector<SafetensorsEntry>> shards_;  // all tensors, in order of arrival
  size_t shard_ = 0, tensor_ = 0;                      // position of the next tensor in shards_
  std::unique_ptr<SafetensorsWriter> writer_;          // of shards_[shard_], null between shards
};

}  // namespace sy::convert
