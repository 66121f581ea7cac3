// The two JSON forms of a checkpoint: a shard's record, written beside the shard by its rank, and
// the manifest, which rank 0 makes of all records and which is all that a reader needs to find
// every byte. Both end in a checksum of themselves, so a torn or altered one is never believed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/checkpoint/checksum.h"
#include "lib/tensor/tensor.h"

namespace sy::checkpoint {

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

  struct Piece {
    std::string name;
    DType dtype = DType::f32;
    Shape global;
    int64_t pieces = 1;
    int64_t piece = 0;
    uint64_t checksum = 0;  // of the piece's bytes, little-endian, row-major
  };
  std::vector<Piece> pieces;

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

  struct Part {
    int64_t shard = 0;  // position in `shards`
    uint64_t checksum = 0;
    bool operator==(const Part&) const = default;
  };
  struct TensorEntry {
    std::string name;
    DType dtype = DType::f32;
    Shape global;
    std::vector<Part> parts;  // equal pieces of axis 0, in order
    bool operator==(const TensorEntry&) const = default;
  };
  std::vector<TensorEntry> tensors;

  struct StreamEntry {
    std::string name;
    int64_t length = 0;
    Part part;
    bool operator==(const StreamEntry&) const = default;
  };
  std::vector<StreamEntry> streams;

  bool operator==(const Manifest&) const = default;
};

std::string to_json(const ShardRecord& record);
std::string to_json(const Manifest& manifest);

// Throw DataError naming `path` and the field for text that is not such a record: bad JSON, a wrong
// checksum, names that are not valid, shapes that do not multiply, pieces that do not divide,
// shards out of range. What they return can be relied on.
ShardRecord parse_shard_record(const std::string& text, const std::string& path);
Manifest parse_manifest(const std::string& text, const std::string& path);

// Larger files are refused rather than read.
constexpr int64_t kLargestJson = int64_t{1} << 30;

}  // namespace sy::checkpoint
