// SPDX-License-Identifier: Apache-2.0
// Keeps small shards that several streams read in parts in memory, so that each is decompressed
// once and not once for each part. Larger shards are streamed every time. In a real run, with at
// least as many shards as streams, no shard is read in parts.
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
  // Keeps at most `max_bytes` in total; shards that do not fit are streamed.
  explicit ShardCache(size_t max_bytes) : room_(max_bytes) {}

  // Like open_shard, with the same faults. A shard that has changed since it was read is read
  // again. Thread-safe; the source may outlive the cache.
  std::unique_ptr<ByteSource> open(const std::string& path);

 private:
  struct Content {
    std::string bytes;
    std::string fault;  // that ends the shard; empty if it ends well
  };
  struct Entry {
    int64_t size = 0, modified = 0;          // of the file when it was read
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
