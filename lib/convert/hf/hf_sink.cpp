// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/hf_sink.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lib/checkpoint/durable.h"
#include "lib/convert/hf/hf_folder.h"
#include "lib/convert/hf/row_blocks.h"
#include "lib/convert/param_stream.h"

namespace sy::convert {
using checkpoint::write_synced;

HfSink::HfSink(const std::string& path, const ModelSection& model, const HfDescription& hf,
               HfSinkOptions options)
    : folder_(path), model_(model), hf_(hf), options_(options) {
  plan_shards();
}

// The tensor of a slice, and its copies under other names.
std::vector<HfTensor> HfSink::tensors_of(const Param& param, int64_t slice) const {
  std::vector<HfTensor> tensors{hf_tensor(param, slice, hf_.family, model_.activation)};
  for (const std::string& copy : hf_copies(param, hf_.family, model_.tie_embeddings)) {
    tensors.push_back(tensors.front());
    tensors.back().name = copy;
  }
  return tensors;
}

void HfSink::plan_shards() {
  for (const Param& param : model_params(model_)) {
    for (int64_t slice = 0; slice < slices_of(param); ++slice) {
      for (HfTensor& tensor : tensors_of(param, slice)) {
        plan_tensor(std::move(tensor), slice_shape(param).numel());
      }
    }
  }
}

void HfSink::plan_tensor(HfTensor tensor, int64_t elements) {
  const int64_t bytes = elements * static_cast<int64_t>(size_of(options_.dtype));
  if (shards_.empty() || planned_ + bytes > options_.shard_bytes) {
    shards_.emplace_back();
    planned_ = 0;
  }
  planned_ += bytes;
  shards_.back().push_back({std::move(tensor.name), safetensors_name(options_.dtype),
                            std::move(tensor.shape), 0, bytes});
}

void HfSink::begin_shard() {
  const auto shards = static_cast<int64_t>(shards_.size());
  const std::string name =
      shards == 1 ? kHfSingleName : hf_shard_name(static_cast<int64_t>(shard_), shards);
  writer_ = std::make_unique<SafetensorsWriter>(folder_.partial() + "/" + name, shards_[shard_]);
}

void HfSink::write(const Param& param, int64_t slice, const Tensor& values) {
  for (const HfTensor& tensor : tensors_of(param, slice)) {
    if (writer_ == nullptr) begin_shard();
    SY_CHECK(shards_[shard_][tensor_].name == tensor.name, "{} comes where {} is due", tensor.name,
             shards_[shard_][tensor_].name);
    write_tensor(tensor, values.data<float>());
    if (++tensor_ == shards_[shard_].size()) end_shard();
  }
}

void HfSink::write_tensor(const HfTensor& tensor, const float* values) {
  const Matrix matrix(tensor);
  const int64_t row_bytes = matrix.cols * static_cast<int64_t>(size_of(options_.dtype));
  std::vector<float> block(static_cast<size_t>(matrix.block_rows() * matrix.cols));
  std::vector<char> raw(static_cast<size_t>(matrix.block_rows() * row_bytes));
  int64_t overflows = 0;
  for (int64_t row = 0; row < matrix.rows; row += matrix.block_rows()) {
    const int64_t count = std::min(matrix.block_rows(), matrix.rows - row);
    gather_rows(block.data(), values, matrix, row, count);
    overflows += from_float32(raw.data(), block.data(), count * matrix.cols, options_.dtype);
    writer_->append(raw.data(), count * row_bytes);
  }
  if (overflows == 0) return;
  throw ConfigError(fmt::format(
      "--dtype {}: {} values of {} are out of its range and would become infinite; use float32{}",
      name_of(options_.dtype), overflows, tensor.name,
      options_.dtype == FloatType::f16 ? " or bfloat16" : ""));
}

void HfSink::end_shard() {
  writer_->close();
  writer_.reset();
  ++shard_;
  tensor_ = 0;
}

std::string HfSink::index_json() const {
  const auto shards = static_cast<int64_t>(shards_.size());
  nlohmann::json index;
  int64_t total = 0;
  for (int64_t shard = 0; shard < shards; ++shard) {
    for (const SafetensorsEntry& tensor : shards_[static_cast<size_t>(shard)]) {
      total += tensor.bytes;
      index["weight_map"][tensor.name] = hf_shard_name(shard, shards);
    }
  }
  index["metadata"]["total_size"] = total;
  return index.dump(2) + "\n";
}

void HfSink::commit(const std::vector<ExtraFile>& extra) {
  SY_CHECK(shard_ == shards_.size(), "{} of {} files were written", shard_, shards_.size());
  if (shards_.size() > 1) write_synced(folder_.partial() + "/" + kHfIndexName, index_json());
  write_synced(folder_.partial() + "/" + kHfConfigName, hf_.config_json);
  for (const ExtraFile& file : extra) {
    write_synced(folder_.partial() + "/" + file.name, file.contents);
  }
  folder_.commit();
}

}  // namespace sy::convert
