// SPDX-License-Identifier: Apache-2.0
// The two JSON documents of a checkpoint, format 2. Each rank writes a record beside its shard.
// Rank 0 joins the records into the manifest, which tells a reader where every byte is. Both end in
// a checksum of themselves, so a torn or altered document is always noticed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/checksum.h"

namespace sy::checkpoint {

constexpr int64_t kFormat = 2;

struct FileRecord {
  std::string name;  // within the checkpoint's folder
  FileDigest digest;
  bool operator==(const FileRecord&) const = default;
};

struct ShardRecord {
  int64_t step = 0;
  int64_t rank = 0;
  int64_t ranks = 0;
  std::string attempt;  // CheckpointMeta::attempt
  FileRecord file;

  std::vector<FileRecord> files;  // other files that the rank wrote into the folder

  struct StoredSlab {
    std::string name;  // the tensor's
    DType dtype = DType::f32;
    Shape global;
    Slab slab;
    uint64_t checksum = 0;  // of the slab's bytes, little-endian, row-major
  };
  std::vector<StoredSlab> slabs;

  struct Stream {
    std::string name;
    int64_t length = 0;  // int32 elements
    uint64_t checksum = 0;
  };
  std::vector<Stream> streams;
};

struct Manifest {
  int64_t step = 0;
  std::string attempt;
  std::string config_yaml;
  std::string state_json;
  FileRecord index;
  std::vector<FileRecord> shards;  // shard-00000.h5, shard-00001.h5, ...
  std::vector<FileRecord> files;   // other files of the folder: tokenizer.model
  std::vector<DataShard> data_shards;

  struct StoredSlab {
    int64_t shard = 0;  // position in `shards`
    Slab slab;
    uint64_t checksum = 0;
    bool operator==(const StoredSlab&) const = default;
  };
  struct TensorEntry {
    std::string name;
    DType dtype = DType::f32;
    Shape global;
    std::vector<StoredSlab> slabs;  // by offset; they cover each element exactly once
    bool operator==(const TensorEntry&) const = default;
  };
  std::vector<TensorEntry> tensors;

  struct StreamEntry {
    std::string name;
    int64_t length = 0;
    int64_t shard = 0;
    uint64_t checksum = 0;
    bool operator==(const StreamEntry&) const = default;
  };
  std::vector<StreamEntry> streams;

  bool operator==(const Manifest&) const = default;
};

std::string to_json(const ShardRecord& record);
std::string to_json(const Manifest& manifest);

// The slabs of a tensor without shard numbers and checksums.
std::vector<Slab> slabs_of(const Manifest::TensorEntry& tensor);

// Thrown for a checkpoint of format 1, which this program cannot read. The message gives the
// remedy.
class EarlierFormat : public DataError {
 public:
  explicit EarlierFormat(const std::string& path);
};

// The text may come from anywhere; what these return has been checked completely. They throw
// DataError that names `path` and the member for bad JSON, a wrong checksum, invalid names, shapes
// whose size overflows, slabs that lie outside the tensor, overlap or leave a gap, and shard
// numbers out of range.
ShardRecord parse_shard_record(const std::string& text, const std::string& path);
Manifest parse_manifest(const std::string& text, const std::string& path);

}  // namespace sy::checkpoint
