// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/manifest.h"

#include <array>
#include <limits>
#include <optional>
#include <set>

#include "lib/checkpoint/cover.h"
#include "lib/checkpoint/json_text.h"
#include "lib/checkpoint/layout.h"

namespace sy::checkpoint {
namespace {

constexpr int64_t kMostShards = 1 << 20;
constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();

Json parse_sealed(const std::string& text, const std::string& path) {
  check_seal(text, path);
  return parse_json(text, path, kJsonLimits);
}

void check_format(const JsonObject& root, const std::string& path) {
  const int64_t format = root.integer("format", 0, kLargest);
  if (format == 1) throw EarlierFormat(path);
  if (format != kFormat) {
    root.fail("format",
              fmt::format("must be {}: another version of this program wrote it", kFormat));
  }
}

std::string read_name(const JsonObject& from, std::set<std::string>& seen) {
  std::string name = from.text("name");
  if (!valid_name(name)) from.fail("name", "must be a path of letters, digits and _ . -");
  if (!seen.insert(name).second) from.fail("name", fmt::format("repeats {}", name));
  return name;
}

FileDigest read_digest(const JsonObject& from) {
  return {from.integer("bytes", 0, kLargest), from.checksum("xxh3")};
}

FileRecord read_file_record(const JsonObject& from, const std::string& expected) {
  FileRecord file{from.text("name"), read_digest(from)};
  if (file.name != expected) from.fail("name", fmt::format("must be {}", expected));
  return file;
}

// Files directly in the folder, with names that are not in `seen`.
std::vector<FileRecord> read_files(const JsonObject& root, std::set<std::string> seen) {
  std::vector<FileRecord> files;
  for (const JsonObject& item : root.objects("files")) {
    files.push_back({read_name(item, seen), read_digest(item)});
    if (files.back().name.find('/') != std::string::npos) item.fail("name", "must be a file's");
  }
  return files;
}

DType read_dtype(const JsonObject& from) {
  const std::string name = from.text("dtype");
  for (const DType dtype : {DType::f32, DType::f64, DType::i32}) {
    if (name == name_of(dtype)) return dtype;
  }
  from.fail("dtype", "must be float32, float64 or int32");
}

// A shape of at least one axis, without empty axes, whose size in bytes fits an int64_t.
Shape read_shape(const JsonObject& from) {
  const std::vector<int64_t> dims = from.integers("shape", 1, kLargest);
  if (dims.empty() || dims.size() > Shape::kMaxRank) {
    from.fail("shape", fmt::format("must have 1 to {} axes", Shape::kMaxRank));
  }
  int64_t bytes = sizeof(double);
  for (const int64_t dim : dims) {
    if (__builtin_mul_overflow(bytes, dim, &bytes)) from.fail("shape", "is larger than any memory");
  }
  return Shape(dims);
}

// A slab that lies within a tensor of shape `global`.
Slab read_slab(const JsonObject& from, const Shape& global) {
  const std::vector<int64_t> offset = from.integers("offset", 0, kLargest),
                             extent = from.integers("extent", 1, kLargest);
  const auto rank = static_cast<size_t>(global.rank());
  if (offset.size() != rank) from.fail("offset", fmt::format("must have {} axes", rank));
  if (extent.size() != rank) from.fail("extent", fmt::format("must have {} axes", rank));
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t size = global[static_cast<int>(axis)];
    if (extent[axis] > size || offset[axis] > size - extent[axis]) {
      from.fail("extent", fmt::format("{} at {} extends beyond {}", Shape(extent).str(),
                                      Shape(offset).str(), global.str()));
    }
  }
  return {Shape(offset), Shape(extent)};
}

int64_t read_shard(const JsonObject& from, size_t shards) {
  return from.integer("shard", 0, static_cast<int64_t>(shards) - 1);
}

Manifest::TensorEntry read_tensor(const JsonObject& from, std::set<std::string>& seen,
                                  size_t shards) {
  Manifest::TensorEntry tensor{read_name(from, seen), read_dtype(from), read_shape(from), {}};
  for (const JsonObject& slab : from.objects("slabs")) {
    tensor.slabs.push_back(
        {read_shard(slab, shards), read_slab(slab, tensor.global), slab.checksum("xxh3")});
  }
  if (const auto fault = find_cover_fault(Slab::whole(tensor.global), slabs_of(tensor))) {
    from.fail("slabs", fmt::format("must make up {} once: {}", tensor.name, describe(*fault)));
  }
  return tensor;
}

}  // namespace

std::vector<Slab> slabs_of(const Manifest::TensorEntry& tensor) {
  std::vector<Slab> slabs;
  for (const Manifest::StoredSlab& stored : tensor.slabs) slabs.push_back(stored.slab);
  return slabs;
}

EarlierFormat::EarlierFormat(const std::string& path)
    : DataError(fmt::format(
          "{}: this checkpoint was made by an earlier version of the program (format 1) and cannot "
          "be read by this one: train again, or convert it to Hugging Face's form with the version "
          "that wrote it and back with this one",
          path)) {}

ShardRecord parse_shard_record(const std::string& text, const std::string& path) {
  const Json document = parse_sealed(text, path);
  const JsonObject root(document, path);
  check_format(root, path);
  ShardRecord record;
  record.step = root.integer("step", 0, kLargest);
  record.ranks = root.integer("ranks", 1, kMostShards);
  record.rank = root.integer("rank", 0, record.ranks - 1);
  record.attempt = root.text("attempt");
  record.file = read_file_record(root.object("file"), shard_name(record.rank));
  record.files = read_files(root, {kManifestName, kIndexName, record.file.name});
  for (const JsonObject& item : root.objects("slabs")) {
    std::set<std::string> any_name;  // a shard may hold several slabs of a tensor
    const std::string name = read_name(item, any_name);
    const Shape global = read_shape(item);
    record.slabs.push_back(
        {name, read_dtype(item), global, read_slab(item, global), item.checksum("xxh3")});
  }
  std::set<std::string> streams;
  for (const JsonObject& item : root.objects("streams")) {
    record.streams.push_back({read_name(item, streams),
                              item.integer("length", 0, kLargest / int64_t{sizeof(int32_t)}),
                              item.checksum("xxh3")});
  }
  return record;
}

Manifest parse_manifest(const std::string& text, const std::string& path) {
  const Json document = parse_sealed(text, path);
  const JsonObject root(document, path);
  check_format(root, path);
  Manifest manifest;
  manifest.step = root.integer("step", 0, kLargest);
  manifest.attempt = root.text("attempt");
  manifest.config_yaml = root.text("config");
  manifest.state_json = root.text("state");
  manifest.index = read_file_record(root.object("index"), kIndexName);
  std::set<std::string> own{kManifestName, kIndexName}, tensors, streams;
  for (const JsonObject& item : root.objects("shards")) {
    const auto shard = static_cast<int64_t>(manifest.shards.size());
    manifest.shards.push_back(read_file_record(item, shard_name(shard)));
    own.insert(manifest.shards.back().name);
  }
  manifest.files = read_files(root, std::move(own));
  for (const JsonObject& item : root.objects("data_shards")) {
    const FileDigest digest = read_digest(item);
    manifest.data_shards.push_back(
        {item.text("path"), digest.bytes, digest.checksum, item.text_or_none("corpus")});
  }
  for (const JsonObject& item : root.objects("tensors")) {
    manifest.tensors.push_back(read_tensor(item, tensors, manifest.shards.size()));
  }
  for (const JsonObject& item : root.objects("streams")) {
    manifest.streams.push_back({read_name(item, streams),
                                item.integer("length", 0, kLargest / int64_t{sizeof(int32_t)}),
                                read_shard(item, manifest.shards.size()), item.checksum("xxh3")});
  }
  return manifest;
}

}  // namespace sy::checkpoint
