// The two JSON forms of a checkpoint, format 2: a shard's record, written beside the shard by its
// rank, and the manifest, which rank 0 makes of all records and which is all that a reader needs to
// find every byte. Both end in a checksum of themselves, so a torn or altered one is never
// believed.
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

  std::vector<FileRecord> files;  // what the rank has written into the folder besides

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
  std::vector<FileRecord> shards;  // shard-00000.h5 and on
  std::vector<FileRecord> files;   // the folder's others: tokenizer.model
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
    std::vector<StoredSlab> slabs;  // by offset; together the tensor, each element once
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

// The slabs of a tensor alone.
std::vector<Slab> slabs_of(const Manifest::TensorEntry& tensor);

// A folder of format 1, which this program cannot read: its message says what can be done.
class EarlierFormat : public DataError {
 public:
  explicit EarlierFormat(const std::string& path);
};

// Throw DataError naming `path` and the field for text that is not such a record: bad JSON, a wrong
// checksum, names that are not valid, shapes that do not multiply, slabs out of range, that overlap
// or leave a gap, shards out of range. What they return can be relied on.
ShardRecord parse_shard_record(const std::string& text, const std::string& path);
Manifest parse_manifest(const std::string& text, const std::string& path);

// Larger files are refused rather than read.
constexpr int64_t kLargestJson = int64_t{1} << 30;

}  // namespace sy::checkpoint
