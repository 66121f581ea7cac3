// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/commit.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/hdf5/hdf5_file.h"
#include "lib/checkpoint/json_text.h"
#include "lib/checkpoint/layout.h"

namespace sy::checkpoint {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail_shard(const std::string& path, int64_t rank, const std::string& problem) {
  throw RuntimeFailure(fmt::format(
      "{} {}: is the folder of checkpoints on a file system that rank {} shares with rank 0?", path,
      problem, rank));
}

std::set<std::string> files_in(const std::string& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.insert(entry->path().filename().string());
  }
  if (error) throw RuntimeFailure(fmt::format("cannot list {}: {}", folder, error.message()));
  return names;
}

ShardRecord read_shard_record(const std::string& folder, int64_t rank, int64_t ranks,
                              const CheckpointMeta& meta) {
  const std::string path = folder + "/" + shard_record_name(rank);
  ShardRecord record = parse_shard_record(read_text(path, kJsonLimits.bytes), path);
  if (record.step != meta.step || record.rank != rank || record.ranks != ranks ||
      record.attempt != meta.attempt) {
    fail_shard(path, rank, "was left by another attempt");
  }
  std::vector<FileRecord> files = record.files;
  files.push_back(record.file);
  for (const FileRecord& file : files) {
    std::error_code error;
    const auto bytes = static_cast<int64_t>(fs::file_size(folder + "/" + file.name, error));
    if (error || bytes != file.digest.bytes) {
      fail_shard(folder + "/" + file.name, rank,
                 fmt::format("does not have its {} bytes", file.digest.bytes));
    }
  }
  return record;
}

// Writes index.h5 with each tensor and stream whole and the texts config.yaml and state.json, and
// records the file in the manifest.
void write_index(const std::string& partial_folder, Manifest& manifest) {
  const std::string path = partial_folder + "/" + kIndexName;
  Hdf5File file = Hdf5File::create(path);
  for (const Manifest::TensorEntry& tensor : manifest.tensors) {
    std::vector<Hdf5File::Source> sources;
    for (const Manifest::StoredSlab& stored : tensor.slabs) {
      sources.push_back({manifest.shards[static_cast<size_t>(stored.shard)].name,
                         slab_dataset(tensor.name, stored.slab, tensor.global), stored.slab});
    }
    file.write_virtual(tensor.name, tensor.dtype, tensor.global, sources);
  }
  for (const Manifest::StreamEntry& stream : manifest.streams) {
    const std::string dataset = stream_dataset(stream.name);
    const Shape length{stream.length};
    file.write_virtual(dataset, DType::i32, length,
                       {{shard_name(stream.shard), dataset, Slab::whole(length)}});
  }
  file.write_text("config.yaml", manifest.config_yaml);
  file.write_text("state.json", manifest.state_json);
  file.close();
  sync_path(path);
  manifest.index = {kIndexName, digest_file(path)};
}

void remove_unnamed(const std::string& partial_folder, const Manifest& manifest) {
  std::set<std::string> named{manifest.index.name};
  for (const FileRecord& shard : manifest.shards) named.insert(shard.name);
  for (const FileRecord& file : manifest.files) named.insert(file.name);
  for (const std::string& name : files_in(partial_folder)) {
    if (!named.contains(name)) remove_path(partial_folder + "/" + name);
  }
}

void write_manifest(const std::string& partial_folder, const Manifest& manifest) {
  const std::string path = partial_folder + "/" + kManifestName;
  const std::string text = to_json(manifest);
  // Never commit what this program could not read back.
  SY_CHECK(parse_manifest(text, path) == manifest, "{} reads back differently", path);
  write_synced(path, text);
  sync_path(partial_folder);
}

// Makes the first of set-aside-1, set-aside-2, ... that does not exist yet.
std::string make_aside_folder(const std::string& beside) {
  for (int number = 1;; ++number) {
    std::string path = fmt::format("{}/set-aside-{}", beside, number);
    std::error_code error;
    if (fs::create_directory(path, error)) return path;
    if (error) throw RuntimeFailure(fmt::format("cannot make {}: {}", path, error.message()));
  }
}

void publish(const CommitPlace& place) {
  if (place.existing == Existing::replace) {
    replace_folder(place.partial, place.committed, trash_name(place.committed));
  } else {
    rename_path(place.partial, place.committed);  // fails if a folder with files is in the way
  }
  const fs::path parent = fs::path(place.committed).parent_path();
  sync_path(parent.empty() ? "." : parent.string());
}

// Whatever its age.
bool is_kept(int64_t step, const Retention& keep) {
  const bool is_milestone = keep.every > 0 && step % keep.every == 0;
  return is_milestone ||
         std::find(keep.spared.begin(), keep.spared.end(), step) != keep.spared.end();
}

}  // namespace

std::vector<ShardRecord> read_shard_records(const std::string& partial_folder, int64_t ranks,
                                            const CheckpointMeta& meta) {
  // Listing first makes a network file system refresh its view of the folder.
  const std::set<std::string> present = files_in(partial_folder);
  std::vector<ShardRecord> records;
  for (int64_t rank = 0; rank < ranks; ++rank) {
    for (const std::string& name : {shard_record_name(rank), shard_name(rank)}) {
      if (!present.contains(name)) fail_shard(partial_folder + "/" + name, rank, "is missing");
    }
    records.push_back(read_shard_record(partial_folder, rank, ranks, meta));
  }
  return records;
}

void commit_checkpoint(const CommitPlace& place, int64_t ranks, const CheckpointMeta& meta) {
  Manifest manifest = merge_records(read_shard_records(place.partial, ranks, meta), meta);
  write_index(place.partial, manifest);
  remove_unnamed(place.partial, manifest);
  write_manifest(place.partial, manifest);
  publish(place);
}

void retire(const std::string& folder, int64_t step, const Retention& keep) {
  std::vector<std::string> unwanted;
  std::vector<int64_t> others = committed_steps(folder);
  std::erase(others, step);
  const auto beside = static_cast<size_t>(std::max<int64_t>(keep.newest - 1, 0));
  if (keep.newest > 0 && others.size() > beside) {
    others.resize(others.size() - beside);
    std::erase_if(others, [&](int64_t old) { return is_kept(old, keep); });
    for (const int64_t old : others) unwanted.push_back(committed_name(old));
  }
  // Later partial folders may be the next checkpoint of a rank that is ahead of this one.
  for (const int64_t partial : partial_steps(folder)) {
    if (partial <= step) unwanted.push_back(partial_name(partial));
  }
  for (const std::string& name : unwanted) {
    const std::string path = folder + "/" + name;
    remove_path(trash_name(path));
    rename_path(path, trash_name(path));
  }
}

void empty_trash(const std::string& folder) {
  for (const std::string& name : trash_names(folder)) remove_path(folder + "/" + name);
}

}  // namespace sy::checkpoint

std::string sy::set_aside_later(const std::string& folder, int64_t step) {
  using namespace checkpoint;
  std::vector<int64_t> later = named_steps(folder);
  std::erase_if(later, [step](int64_t other) { return other <= step; });
  if (later.empty()) return "";
  std::string aside = make_aside_folder(folder);
  for (const int64_t other : later) {
    const std::string name = committed_name(other);
    rename_path(folder + "/" + name, aside + "/" + name);
  }
  sync_path(aside);
  sync_path(folder);
  return aside;
}
