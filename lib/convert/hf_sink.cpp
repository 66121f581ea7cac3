#include "lib/convert/hf_sink.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/checkpoint/durable.h"
#include "lib/convert/hf_folder.h"
#include "lib/convert/model_params.h"
#include "lib/convert/row_blocks.h"

namespace sy::convert {
using checkpoint::write_synced;

HfSink::HfSink(const std::string& path, const ModelSection& model, const HfDescription& hf,
               HfSinkOptions options)
    : folder_(path), model_(model), hf_(hf), options_(options) {
  plan_shards();
}

void HfSink::plan_shards() {
  const auto element = static_cast<int64_t>(size_of(options_.dtype));
  int64_t used = options_.shard_bytes;  // the first tensor begins a shard
  for (const Param& param : model_params(model_)) {
    const int64_t bytes = slice_shape(param).numel() * element;
    for (int64_t slice = 0; slice < slices_of(param); ++slice) {
      if (shards_.empty() || used + bytes > options_.shard_bytes) {
        shards_.emplace_back();
        used = 0;
      }
      used += bytes;
      HfTensor tensor = hf_tensor(param, slice, hf_.family, model_.activation);
      SafetensorsEntry& entry = shards_.back().emplace_back();
      entry.name = std::move(tensor.name);
      entry.dtype = safetensors_name(options_.dtype);
      entry.shape = std::move(tensor.shape);
      entry.bytes = bytes;
    }
  }
}

void HfSink::begin_shard() {
  const auto shards = static_cast<int64_t>(shards_.size());
  const std::string name =
      shards == 1 ? kHfSingleName : hf_shard_name(static_cast<int64_t>(shard_), shards);
  writer_ = std::make_unique<SafetensorsWriter>(folder_.partial() + "/" + name, shards_[shard_]);
}

void HfSink::write(const Param& param, int64_t slice, const Tensor& values) {
  const HfTensor tensor = hf_tensor(param, slice, hf_.family, model_.activation);
  if (writer_ == nullptr) begin_shard();
  SY_CHECK(shards_[shard_][tensor_].name == tensor.name, "{} comes where {} is due", tensor.name,
           shards_[shard_][tensor_].name);
  const Matrix matrix(tensor);
  const int64_t row_bytes = matrix.cols * static_cast<int64_t>(size_of(options_.dtype));
  std::vector<float> block(static_cast<size_t>(matrix.block_rows() * matrix.cols));
  std::vector<char> raw(static_cast<size_t>(matrix.block_rows() * row_bytes));
  int64_t overflows = 0;
  for (int64_t row = 0; row < matrix.rows; row += matrix.block_rows()) {
    const int64_t count = std::min(matrix.block_rows(), matrix.rows - row);
    gather_rows(block.data(), values.data<float>(), matrix, row, count);
    overflows += from_float32(raw.data(), block.data(), count * matrix.cols, options_.dtype);
    writer_->append(raw.data(), count * row_bytes);
  }
  if (overflows > 0) {
    throw ConfigError(fmt::format(
        "--dtype {}: {} values of {} are too large for it and would become infinite; use float32{}",
        name_of(options_.dtype), overflows, tensor.name,
        options_.dtype == FloatType::f16 ? " or bfloat16" : ""));
  }
  if (++tensor_ == shards_[shard_].size()) {
    writer_->close();
    writer_.reset();
    ++shard_;
    tensor_ = 0;
  }
}

std::string HfSink::index_json() const {
  const auto shards = static_cast<int64_t>(shards_.size());
  int64_t total = 0;
  std::vector<std::string> lines;
  for (int64_t shard = 0; shard < shards; ++shard) {
    for (const SafetensorsEntry& tensor : shards_[static_cast<size_t>(shard)]) {
      total += tensor.bytes;
      lines.push_back(fmt::format("    \"{}\": \"{}\"", tensor.name, hf_shard_name(shard, shards)));
    }
  }
  return fmt::format(
      "{{\n  \"metadata\": {{\"total_size\": {}}},\n  \"weight_map\": {{\n{}\n  }}\n}}\n", total,
      fmt::join(lines, ",\n"));
}

void HfSink::commit() {
  SY_CHECK(shard_ == shards_.size(), "{} of {} files are written", shard_, shards_.size());
  if (shards_.size() > 1) write_synced(folder_.partial() + "/" + kHfIndexName, index_json());
  write_synced(folder_.partial() + "/" + kHfConfigName, hf_.config_json);
  folder_.commit();
}

}  // namespace sy::convert
