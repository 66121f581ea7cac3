// Both forms as text: one member a line, so that a diff of two manifests says something.
#include <fmt/ranges.h>

#include "lib/checkpoint/json_text.h"
#include "lib/checkpoint/manifest.h"

namespace sy::checkpoint {
namespace {

std::string json_of(const FileRecord& file) {
  return fmt::format(R"({{"name": "{}", "bytes": {}, "xxh3": "{}"}})", file.name, file.digest.bytes,
                     to_hex(file.digest.checksum));
}

std::vector<int64_t> dims_of(const Shape& shape) {
  std::vector<int64_t> dims;
  dims.reserve(static_cast<size_t>(shape.rank()));
  for (int axis = 0; axis < shape.rank(); ++axis) dims.push_back(shape[axis]);
  return dims;
}

std::string json_of(const std::string& name, DType dtype, const Shape& shape) {
  return fmt::format(R"("name": "{}", "dtype": "{}", "shape": {})", name, name_of(dtype),
                     dims_of(shape));
}

std::string json_of(const Slab& slab, uint64_t checksum) {
  return fmt::format(R"("offset": {}, "extent": {}, "xxh3": "{}")", dims_of(slab.offset),
                     dims_of(slab.extent), to_hex(checksum));
}

std::string json_of(const DataShard& shard) {
  return fmt::format(R"({{"path": {}, "bytes": {}, "xxh3": "{}"}})", json_quote(shard.path),
                     shard.bytes, to_hex(shard.checksum));
}

template <class Items, class Format>
std::string json_list(const Items& items, const char* separator, const Format& format) {
  std::string list = "[";
  for (const auto& item : items) list += (list.size() == 1 ? "" : separator) + format(item);
  return list + "]";
}

}  // namespace

std::string to_json(const ShardRecord& record) {
  const auto file = [](const FileRecord& item) { return json_of(item); };
  const auto slab = [](const ShardRecord::StoredSlab& item) {
    return fmt::format("{{{}, {}}}", json_of(item.name, item.dtype, item.global),
                       json_of(item.slab, item.checksum));
  };
  const auto stream = [](const ShardRecord::Stream& item) {
    return fmt::format(R"({{"name": "{}", "length": {}, "xxh3": "{}"}})", item.name, item.length,
                       to_hex(item.checksum));
  };
  return seal_json(fmt::format(
      "{{\"format\": {},\n\"step\": {},\n\"rank\": {},\n\"ranks\": {},\n\"attempt\": {},\n"
      "\"file\": {},\n\"files\": {},\n\"slabs\": {},\n\"streams\": {},",
      kFormat, record.step, record.rank, record.ranks, json_quote(record.attempt),
      json_of(record.file), json_list(record.files, ",\n  ", file),
      json_list(record.slabs, ",\n  ", slab), json_list(record.streams, ",\n  ", stream)));
}

std::string to_json(const Manifest& manifest) {
  const auto file = [](const FileRecord& item) { return json_of(item); };
  const auto data = [](const DataShard& item) { return json_of(item); };
  const auto slab = [](const Manifest::StoredSlab& item) {
    return fmt::format(R"({{"shard": {}, {}}})", item.shard, json_of(item.slab, item.checksum));
  };
  const auto tensor = [&](const Manifest::TensorEntry& item) {
    return fmt::format(R"({{{}, "slabs": {}}})", json_of(item.name, item.dtype, item.global),
                       json_list(item.slabs, ", ", slab));
  };
  const auto stream = [](const Manifest::StreamEntry& item) {
    return fmt::format(R"({{"name": "{}", "length": {}, "shard": {}, "xxh3": "{}"}})", item.name,
                       item.length, item.shard, to_hex(item.checksum));
  };
  return seal_json(fmt::format(
      "{{\"format\": {},\n\"step\": {},\n\"attempt\": {},\n\"config\": {},\n\"state\": {},\n"
      "\"index\": {},\n\"shards\": {},\n\"files\": {},\n\"data_shards\": {},\n"
      "\"tensors\": {},\n\"streams\": {},",
      kFormat, manifest.step, json_quote(manifest.attempt), json_quote(manifest.config_yaml),
      json_quote(manifest.state_json), json_of(manifest.index),
      json_list(manifest.shards, ",\n  ", file), json_list(manifest.files, ",\n  ", file),
      json_list(manifest.data_shards, ",\n  ", data), json_list(manifest.tensors, ",\n  ", tensor),
      json_list(manifest.streams, ",\n  ", stream)));
}

}  // namespace sy::checkpoint
