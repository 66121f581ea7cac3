// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/shard.h"

#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/hdf5/hdf5_file.h"
#include "lib/checkpoint/layout.h"

namespace sy::checkpoint {
namespace {

ShardRecord::StoredSlab write_slab(Hdf5File& file, const CheckpointTensor& tensor) {
  file.write(slab_dataset(tensor.name, tensor.slab, tensor.global), tensor.local);
  return {tensor.name, tensor.local.dtype(), tensor.global, tensor.slab,
          checksum(tensor.local.raw(), tensor.local.bytes())};
}

ShardRecord::Stream write_stream(Hdf5File& file, const std::string& name,
                                 const std::vector<int32_t>& values) {
  file.write_compressed(stream_dataset(name), values);
  const auto length = static_cast<int64_t>(values.size());
  return {name, length, checksum(values.data(), length * int64_t{sizeof(int32_t)})};
}

}  // namespace

ShardRecord write_shard_file(const std::string& partial_folder, Origin origin,
                             const std::vector<CheckpointTensor>& tensors,
                             const CheckpointMeta& meta) {
  make_subfolder(partial_folder);
  // A record left by an earlier attempt must never describe a new file.
  remove_path(partial_folder + "/" + shard_record_name(origin.rank));
  ShardRecord record{meta.step, origin.rank, origin.ranks, meta.attempt, {}, {}, {}, {}};
  record.file.name = shard_name(origin.rank);
  const std::string path = partial_folder + "/" + record.file.name;
  Hdf5File file = Hdf5File::create(path);
  for (const CheckpointTensor& tensor : tensors) {
    if (tensor.write) record.slabs.push_back(write_slab(file, tensor));
  }
  for (const auto& [name, values] : meta.streams) {
    record.streams.push_back(write_stream(file, name, values));
  }
  file.close();
  sync_path(path);
  record.file.digest = digest_file(path);
  if (origin.rank == 0 && !meta.tokenizer.empty()) {
    write_beside(partial_folder, record, kTokenizerName, meta.tokenizer);
  }
  return record;
}

void write_beside(const std::string& partial_folder, ShardRecord& record, const std::string& name,
                  const std::string& contents) {
  write_synced(partial_folder + "/" + name, contents);
  const auto bytes = static_cast<int64_t>(contents.size());
  record.files.push_back({name, {bytes, checksum(contents.data(), bytes)}});
}

void write_shard_record(const std::string& partial_folder, const ShardRecord& record) {
  write_synced(partial_folder + "/" + shard_record_name(record.rank), to_json(record));
  sync_path(partial_folder);
}

}  // namespace sy::checkpoint
