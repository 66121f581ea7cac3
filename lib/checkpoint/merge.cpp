// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>

#include "lib/checkpoint/commit.h"
#include "lib/checkpoint/cover.h"

namespace sy::checkpoint {
namespace {

bool comes_before(const Manifest::StoredSlab& a, const Manifest::StoredSlab& b) {
  for (int axis = 0; axis < a.slab.rank(); ++axis) {
    if (a.slab.offset[axis] != b.slab.offset[axis])
      return a.slab.offset[axis] < b.slab.offset[axis];
  }
  return a.shard < b.shard;
}

// "x: no rank writes the element at [2, 0]" or "x: the element at [2, 0] is written by rank 0 and
// by rank 1".
std::string describe(const CoverFault& fault, const Manifest::TensorEntry& tensor) {
  if (fault.times == 0) {
    return fmt::format("{}: no rank writes the element at {}", tensor.name, fault.at.str());
  }
  Slab element{fault.at, fault.at};
  for (int axis = 0; axis < element.rank(); ++axis) element.extent[axis] = 1;
  std::vector<std::string> writers;
  for (const Manifest::StoredSlab& stored : tensor.slabs) {
    if (overlap(stored.slab, element).numel() == 1) {
      writers.push_back(fmt::format("rank {}", stored.shard));
    }
  }
  return fmt::format("{}: the element at {} is written by {}", tensor.name, fault.at.str(),
                     fmt::join(writers, " and by "));
}

// Groups slabs into tensors, in the order in which their names first appear.
class Merger {
 public:
  void add(const ShardRecord::StoredSlab& slab, int64_t shard) {
    const auto [found, fresh] = places_.try_emplace(slab.name, tensors_.size());
    if (fresh) tensors_.push_back({slab.name, slab.dtype, slab.global, {}});
    Manifest::TensorEntry& tensor = tensors_[found->second];
    if (tensor.dtype != slab.dtype || !(tensor.global == slab.global)) {
      faults_.push_back(fmt::format("ranks disagree about {}", slab.name));
      return;
    }
    tensor.slabs.push_back({shard, slab.slab, slab.checksum});
  }

  void add(const ShardRecord::Stream& stream, int64_t shard) {
    if (!streams_seen_.try_emplace(stream.name, shard).second) {
      faults_.push_back(fmt::format("stream {} is written by rank {} and by rank {}", stream.name,
                                    streams_seen_[stream.name], shard));
    }
    streams_.push_back({stream.name, stream.length, shard, stream.checksum});
  }

  void finish(Manifest& manifest) {
    for (Manifest::TensorEntry& tensor : tensors_) {
      std::sort(tensor.slabs.begin(), tensor.slabs.end(), comes_before);
      const auto fault = find_cover_fault(Slab::whole(tensor.global), slabs_of(tensor));
      if (fault) faults_.push_back(describe(*fault, tensor));
    }
    SY_CHECK(faults_.empty(), "{}", fmt::join(faults_, "; "));
    manifest.tensors = std::move(tensors_);
    manifest.streams = std::move(streams_);
  }

 private:
  std::unordered_map<std::string, size_t> places_;
  std::unordered_map<std::string, int64_t> streams_seen_;
  std::vector<Manifest::TensorEntry> tensors_;
  std::vector<Manifest::StreamEntry> streams_;
  std::vector<std::string> faults_;
};

}  // namespace

Manifest merge_records(const std::vector<ShardRecord>& records, const CheckpointMeta& meta) {
  Manifest manifest;
  manifest.step = meta.step;
  manifest.attempt = meta.attempt;
  manifest.config_yaml = meta.config_yaml;
  manifest.state_json = meta.state_json;
  manifest.data_shards = meta.data_shards;
  Merger merger;
  for (const ShardRecord& record : records) {
    manifest.shards.push_back(record.file);
    manifest.files.insert(manifest.files.end(), record.files.begin(), record.files.end());
    for (const ShardRecord::StoredSlab& slab : record.slabs) merger.add(slab, record.rank);
    for (const ShardRecord::Stream& stream : record.streams) merger.add(stream, record.rank);
  }
  merger.finish(manifest);
  return manifest;
}

}  // namespace sy::checkpoint
