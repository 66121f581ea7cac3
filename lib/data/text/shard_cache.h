// Small shards that several streams read in parts, kept decompressed, so that they are decompressed
// once and not once for each part. Larger ones are streamed every time: where shards are at least
// as many as streams, as they should be for a real run, nothing is read in parts.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "lib/data/text/byte_source.h"

namespace sy {

class ShardCache {
 public:
  // Keeps at most `max_bytes` in all; what does not fit is streamed.
  explicit ShardCache(size_t max_bytes) : room_(max_bytes) {}

  // As open_shard, faults included. A shard that has changed or vanished since it was kept is
  // opened afresh. Thread-safe; the source may outlive the cache.
  std::unique_ptr<ByteSource> open(const std::string& path);

 private:
  struct Content {
    std::string bytes;
    std::string fault;  // what the shard ends with, if not well
  };
  struct Entry {
    int64_t size = 0, modified = 0;          // of the file, when it was read
    std::shared_ptr<const Content> content;  // null: too large
  };
  class Source;

  std::shared_ptr<const Content> find(const std::string& path);
  std::shared_ptr<const Content> load(const std::string& path) const;

  std::mutex mutex_;
  size_t room_;
  std::map<std::string, Entry> entries_;
};

}  // namespace sy
