// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <filesystem>

#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/hdf5/hdf5_file.h"
#include "lib/checkpoint/hdf5/read_slab.h"
#include "lib/checkpoint/json_text.h"
#include "lib/checkpoint/layout.h"
#include "lib/checkpoint/manifest.h"
#include "lib/checkpoint/read_plan.h"

namespace sy {
using namespace checkpoint;
namespace fs = std::filesystem;
namespace {

// What the user can do about a checkpoint that cannot be used. `step` is the manifest's, used if
// the folder's name does not give one.
std::string remedy(const fs::path& path, int64_t step) {
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  step = committed_step(path.filename().string()).value_or(step);
  std::string previous;
  for (const int64_t other : committed_steps(folder)) {
    if (other < step) previous = (fs::path(folder) / committed_name(other)).string();
  }
  return previous.empty() ? "restore it from a copy: no earlier checkpoint lies beside it"
                          : fmt::format("the previous checkpoint can be used: {}", previous);
}

void check_size(const fs::path& folder, const FileRecord& file) {
  std::error_code error;
  const auto bytes = static_cast<int64_t>(fs::file_size(folder / file.name, error));
  if (error) throw DataError(fmt::format("{} is missing", (folder / file.name).string()));
  if (bytes != file.digest.bytes) {
    throw DataError(fmt::format("{} has {} bytes where the manifest says {}",
                                (folder / file.name).string(), bytes, file.digest.bytes));
  }
}

void check_digest(const std::string& path, const FileRecord& file) {
  if (digest_file(path) == file.digest) return;
  throw DataError(
      fmt::format("{} does not match the checksum in the manifest: it is damaged", path));
}

// Runs `work` and appends a DataError to the faults. True if there was none.
template <class Work>
bool note_fault(std::vector<std::string>& faults, const Work& work) {
  try {
    work();
    return true;
  } catch (const DataError& fault) {
    faults.emplace_back(fault.what());
    return false;
  }
}

}  // namespace

struct CheckpointReader::Impl {
  std::string path;
  Manifest manifest;
  std::vector<Entry> entries;
  std::vector<bool> checked;  // for each shard, whether its checksum has been compared

  std::string path_of(size_t shard) const { return path + "/" + manifest.shards[shard].name; }

  // Appends the remedy to a DataError thrown by `work`.
  template <class Work>
  auto with_remedy(const Work& work) const {
    try {
      return work();
    } catch (const EarlierFormat&) {
      throw;  // its message has a remedy of its own
    } catch (const DataError& fault) {
      throw DataError(fmt::format("{}; {}", fault.what(), remedy(path, manifest.step)));
    }
  }

  // The library trusts what it reads, so the file's checksum is compared first.
  Hdf5File open(size_t shard) {
    if (!checked[shard]) check_digest(path_of(shard), manifest.shards[shard]);
    checked[shard] = true;
    return Hdf5File::open(path_of(shard));
  }

  void load() {
    const std::string name = path + "/" + kManifestName;
    std::error_code error;
    if (!fs::exists(name, error)) {
      throw DataError(
          fmt::format("{} is not a committed checkpoint: it has no {}", path, kManifestName));
    }
    manifest = parse_manifest(read_text(name, kJsonLimits.bytes), name);
    const auto named = committed_step(fs::path(path).filename().string());
    if (named && *named != manifest.step) {
      throw DataError(
          fmt::format("{} is the checkpoint of step {} under another name", path, manifest.step));
    }
    check_size(path, manifest.index);
    for (const FileRecord& shard : manifest.shards) check_size(path, shard);
    for (const FileRecord& file : manifest.files) check_size(path, file);
    checked.resize(manifest.shards.size(), false);
    for (const Manifest::TensorEntry& tensor : manifest.tensors) {
      entries.push_back({tensor.name, tensor.dtype, tensor.global, slabs_of(tensor)});
    }
  }

  std::vector<int32_t> read_stream(const Manifest::StreamEntry& stream) {
    const auto shard = static_cast<size_t>(stream.shard);
    const std::string dataset = stream_dataset(stream.name);
    std::vector<int32_t> values(static_cast<size_t>(stream.length));
    const Tensor view(values.data(), DType::i32, {stream.length});
    const Hdf5File file = open(shard);
    file.read(dataset, view);
    check_contents(view, stream.checksum, path_of(shard), dataset);
    return values;
  }

  void verify_shard(size_t shard, const std::vector<SlabRead>& reads,
                    std::vector<std::string>& faults) {
    checked[shard] = false;
    const bool sound =
        note_fault(faults, [&] { check_digest(path_of(shard), manifest.shards[shard]); });
    if (!sound) return;
    checked[shard] = true;
    const Hdf5File file = open(shard);
    std::vector<char> buffer;
    for (const SlabRead& read : reads) {
      note_fault(faults, [&] { read_buffered(file, path_of(shard), read, buffer); });
    }
    for (const Manifest::StreamEntry& stream : manifest.streams) {
      if (static_cast<size_t>(stream.shard) != shard) continue;
      note_fault(faults, [&] { read_stream(stream); });
    }
  }
};

CheckpointReader::CheckpointReader(const std::string& path) : impl_(std::make_unique<Impl>()) {
  impl_->path = path;
  while (impl_->path.size() > 1 && impl_->path.ends_with('/')) impl_->path.pop_back();
  impl_->with_remedy([&] { impl_->load(); });
}

CheckpointReader::~CheckpointReader() = default;

int64_t CheckpointReader::step() const {
  return impl_->manifest.step;
}
const std::string& CheckpointReader::config_yaml() const {
  return impl_->manifest.config_yaml;
}
const std::string& CheckpointReader::state_json() const {
  return impl_->manifest.state_json;
}
const std::vector<CheckpointReader::Entry>& CheckpointReader::tensors() const {
  return impl_->entries;
}

const std::vector<DataShard>& CheckpointReader::data_shards() const {
  return impl_->manifest.data_shards;
}

std::vector<CheckpointReader::File> CheckpointReader::files() const {
  std::vector<File> files;
  for (const FileRecord& file : impl_->manifest.files) {
    files.push_back({file.name, file.digest.bytes, file.digest.checksum});
  }
  return files;
}

std::string CheckpointReader::file(const std::string& name) const {
  for (const FileRecord& file : impl_->manifest.files) {
    if (file.name != name) continue;
    std::string path = impl_->path + "/" + file.name;
    impl_->with_remedy([&] { check_digest(path, file); });
    return path;
  }
  return "";
}

std::string CheckpointReader::tokenizer() const {
  return file(kTokenizerName);
}

void CheckpointReader::check(const std::vector<CheckpointTensor>& tensors, Extra extra) const {
  for (const CheckpointTensor& tensor : tensors) check_tensor(tensor);
  const std::vector<std::string> faults = read_faults(impl_->manifest, tensors, extra);
  if (faults.empty()) return;
  throw DataError(fmt::format("{} does not fit the configuration:\n  {}", impl_->path,
                              fmt::join(faults, "\n  ")));
}

void CheckpointReader::read(const std::vector<CheckpointTensor>& tensors, Extra extra,
                            const CheckpointCopy& copy) const {
  check(tensors, extra);
  impl_->with_remedy([&] {
    const auto reads = plan_reads(impl_->manifest, tensors);
    std::vector<char> buffer;
    for (size_t shard = 0; shard < reads.size(); ++shard) {
      if (reads[shard].empty()) continue;
      const Hdf5File file = impl_->open(shard);
      for (const SlabRead& read : reads[shard]) {
        read_slab(file, impl_->path_of(shard), read, buffer, copy);
      }
    }
  });
}

std::vector<int32_t> CheckpointReader::stream(const std::string& name) const {
  for (const Manifest::StreamEntry& stream : impl_->manifest.streams) {
    if (stream.name != name) continue;
    return impl_->with_remedy([&] { return impl_->read_stream(stream); });
  }
  throw DataError(fmt::format("{} has no stream {}: it was written with other data.streams",
                              impl_->path, name));
}

std::vector<std::string> CheckpointReader::stream_names() const {
  std::vector<std::string> names;
  for (const Manifest::StreamEntry& stream : impl_->manifest.streams) names.push_back(stream.name);
  return names;
}

std::vector<std::string> CheckpointReader::verify(int part, int parts) const {
  std::vector<std::string> faults;
  std::vector<FileRecord> files = impl_->manifest.files;
  files.push_back(impl_->manifest.index);
  int number = 0;
  const auto belongs = [&] { return number++ % parts == part; };
  for (const FileRecord& file : files) {
    if (!belongs()) continue;
    note_fault(faults, [&] { check_digest(impl_->path + "/" + file.name, file); });
  }
  const auto reads = plan_verification(impl_->manifest);
  for (size_t shard = 0; shard < reads.size(); ++shard) {
    if (belongs()) impl_->verify_shard(shard, reads[shard], faults);
  }
  return faults;
}

std::string newest_checkpoint(const std::string& folder) {
  const std::vector<int64_t> steps = committed_steps(folder);
  return steps.empty() ? "" : folder + "/" + committed_name(steps.back());
}

}  // namespace sy
