#include <fmt/ranges.h>

#include <unordered_map>

#include "lib/checkpoint/commit.h"
#include "lib/checkpoint/layout.h"

namespace sy::checkpoint {
namespace {

constexpr int64_t kNowhere = -1;  // a part's shard before it is found

// Collects pieces into tensors in the order in which names first appear.
class Merger {
 public:
  void add(const ShardRecord::Piece& piece, int64_t shard) {
    const auto [found, fresh] = places_.try_emplace(piece.name, tensors_.size());
    if (fresh) {
      tensors_.push_back({piece.name, piece.dtype, piece.global, {}});
      tensors_.back().parts.assign(static_cast<size_t>(piece.pieces), {kNowhere, 0});
    }
    Manifest::TensorEntry& tensor = tensors_[found->second];
    if (tensor.dtype != piece.dtype || !(tensor.global == piece.global) ||
        static_cast<int64_t>(tensor.parts.size()) != piece.pieces) {
      faults_.push_back(fmt::format("ranks disagree about {}", piece.name));
      return;
    }
    Manifest::Part& part = tensor.parts[static_cast<size_t>(piece.piece)];
    if (part.shard != kNowhere) {
      faults_.push_back(fmt::format("piece {} of {} is written by rank {} and by rank {}",
                                    piece.piece, piece.name, part.shard, shard));
    }
    part = {shard, piece.checksum};
  }

  void add(const ShardRecord::Stream& stream, int64_t shard) {
    if (!streams_seen_.try_emplace(stream.name, shard).second) {
      faults_.push_back(fmt::format("stream {} is written by rank {} and by rank {}", stream.name,
                                    streams_seen_[stream.name], shard));
    }
    streams_.push_back({stream.name, stream.length, {shard, stream.checksum}});
  }

  void finish(Manifest& manifest) {
    for (const Manifest::TensorEntry& tensor : tensors_) {
      for (size_t piece = 0; piece < tensor.parts.size(); ++piece) {
        if (tensor.parts[piece].shard != kNowhere) continue;
        faults_.push_back(fmt::format("piece {} of {} is written by no rank", piece, tensor.name));
      }
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
  Merger merger;
  for (const ShardRecord& record : records) {
    manifest.shards.push_back(record.file);
    for (const ShardRecord::Piece& piece : record.pieces) merger.add(piece, record.rank);
    for (const ShardRecord::Stream& stream : record.streams) merger.add(stream, record.rank);
  }
  merger.finish(manifest);
  return manifest;
}

}  // namespace sy::checkpoint
