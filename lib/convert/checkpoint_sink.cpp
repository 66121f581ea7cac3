#include "lib/convert/checkpoint_sink.h"

#include <fmt/format.h>

#include "lib/checkpoint/commit.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/layout.h"
#include "lib/config/config.h"
#include "lib/convert/checkpoint_source.h"
#include "lib/convert/model_params.h"

namespace sy::convert {
using namespace checkpoint;
namespace {

std::string state_of(const RunConfig& config, const HfOrigin& origin) {
  const std::string known = origin_to_json(origin);
  return fmt::format(R"({{"step": 0, "tokens": 0, "seed": {}{}{}}})", config.run.seed,
                     known.empty() ? "" : ", ", known);
}

}  // namespace

CheckpointSink::CheckpointSink(const std::string& path, const RunConfig& config,
                               const HfOrigin& origin, int64_t shard_bytes)
    : folder_(path), config_(config), origin_(origin), shard_bytes_(shard_bytes) {}

std::string CheckpointSink::path_of(const ShardRecord& record) const {
  return folder_.partial() + "/" + record.file.name;
}

void CheckpointSink::begin_shard() {
  ShardRecord& record = records_.emplace_back();
  record.rank = static_cast<int64_t>(records_.size()) - 1;
  record.file.name = shard_name(record.rank);
  file_.reset(new Hdf5File(Hdf5File::create(path_of(record))));
  written_ = 0;
}

void CheckpointSink::end_shard() {
  ShardRecord& record = records_.back();
  file_->close();
  file_.reset();
  sync_path(path_of(record));
  record.file.digest = digest_file(path_of(record));
}

void CheckpointSink::write(const Param& param, int64_t slice, const Tensor& values) {
  if (file_ == nullptr) begin_shard();
  ShardRecord::Piece piece;
  piece.name = "parameters/" + param.name;
  piece.global = param.shape;
  piece.pieces = slices_of(param);
  piece.piece = slice;
  piece.checksum = checksum(values.raw(), values.bytes());
  const Shape stored = piece_shape(param.shape, piece.pieces);
  file_->write(piece_dataset(piece.name, piece.pieces, slice), values.view(stored));
  records_.back().pieces.push_back(piece);
  written_ += values.bytes();
  if (written_ >= shard_bytes_) end_shard();
}

void CheckpointSink::commit(const std::function<void(const std::string& folder)>& add) {
  if (file_ != nullptr) end_shard();
  CheckpointMeta meta;
  meta.config_yaml = write_config(config_);
  meta.state_json = state_of(config_, origin_);
  Manifest manifest = merge_records(records_, meta);
  write_index(folder_.partial(), manifest);
  write_manifest(folder_.partial(), manifest);
  add(folder_.partial());
  folder_.commit();
}

}  // namespace sy::convert
