// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/checkpoint_sink.h"

#include "lib/checkpoint/commit.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/layout.h"
#include "lib/checkpoint/shard.h"
#include "lib/config/config.h"
#include "lib/convert/checkpoint_source.h"
#include "lib/convert/param_stream.h"

namespace sy::convert {
using namespace checkpoint;

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
  ShardRecord::StoredSlab stored;
  stored.name = "parameters/" + param.name;
  stored.global = param.shape;
  stored.slab = Slab::whole(param.shape);
  if (slices_of(param) > 1) {
    stored.slab.offset[0] = slice;
    stored.slab.extent[0] = 1;
  }
  stored.checksum = checksum(values.raw(), values.bytes());
  file_->write(slab_dataset(stored.name, stored.slab, stored.global),
               values.view(stored.slab.extent));
  records_.back().slabs.push_back(stored);
  written_ += values.bytes();
  if (written_ >= shard_bytes_) end_shard();
}

void CheckpointSink::commit(const std::vector<ExtraFile>& extra) {
  if (file_ != nullptr) end_shard();
  for (const ExtraFile& file : extra) {
    write_beside(folder_.partial(), records_.front(), file.name, file.contents);
  }
  CheckpointMeta meta;
  meta.config_yaml = write_config(config_);
  meta.state_json = state_json(config_, origin_);
  const auto shards = static_cast<int64_t>(records_.size());
  for (ShardRecord& record : records_) {
    record.ranks = shards;
    write_shard_record(folder_.partial(), record);
  }
  folder_.commit_by([&](const std::string& partial, const std::string& path) {
    commit_checkpoint({partial, path, Existing::refuse}, shards, meta);
  });
}

}  // namespace sy::convert
