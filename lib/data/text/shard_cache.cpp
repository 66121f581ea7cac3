// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/shard_cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

namespace sy {

class ShardCache::Source : public ByteSource {
 public:
  explicit Source(std::shared_ptr<const Content> content) : content_(std::move(content)) {}

  size_t read(char* out, size_t size) override {
    const size_t count = std::min(size, content_->bytes.size() - next_);
    if (count == 0 && !content_->fault.empty()) throw ShardFault(content_->fault);
    std::copy_n(content_->bytes.data() + next_, count, out);
    next_ += count;
    return count;
  }

 private:
  std::shared_ptr<const Content> content_;
  size_t next_ = 0;
};

std::unique_ptr<ByteSource> ShardCache::open(const std::string& path) {
  auto content = find(path);
  if (content == nullptr) return open_shard(path);
  return std::make_unique<Source>(std::move(content));
}

// Null if the shard must be streamed. Other streams wait while a shard is loaded.
std::shared_ptr<const ShardCache::Content> ShardCache::find(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return nullptr;
  const int64_t modified = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[path];
  if (entry.size == status.st_size && entry.modified == modified) return entry.content;
  if (entry.content != nullptr) room_ += entry.content->bytes.size();
  entry = {status.st_size, modified, load(path)};
  if (entry.content != nullptr) room_ -= entry.content->bytes.size();
  return entry.content;
}

// Null if there is no room for the shard or it cannot be opened.
std::shared_ptr<const ShardCache::Content> ShardCache::load(const std::string& path) const {
  auto content = std::make_shared<Content>();
  std::vector<char> block(256 << 10);
  try {
    const auto source = open_shard(path);
    while (const size_t count = source->read(block.data(), block.size())) {
      content->bytes.append(block.data(), count);
      if (content->bytes.size() > room_) return nullptr;
    }
  } catch (const ShardFault& fault) {
    if (content->bytes.empty()) return nullptr;
    content->fault = fault.what();
  }
  content->bytes.shrink_to_fit();
  return content;
}

}  // namespace sy
