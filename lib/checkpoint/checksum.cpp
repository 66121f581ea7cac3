// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/checksum.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "lib/checkpoint/durable.h"

namespace sy::checkpoint {
namespace {

constexpr size_t kBlock = 1 << 20;
constexpr int64_t kEnd = 1 << 16;  // bytes at either end that digest_ends reads

struct StateFree {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

// A checksum of what is added, in order.
class Sum {
 public:
  Sum() : state_(XXH3_createState()) { XXH3_64bits_reset(state_.get()); }
  void add(const void* data, size_t size) { XXH3_64bits_update(state_.get(), data, size); }
  uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  std::unique_ptr<XXH3_state_t, StateFree> state_;
};

}  // namespace

uint64_t checksum(const void* data, int64_t bytes) {
  return XXH3_64bits(data, static_cast<size_t>(bytes));
}

FileDigest digest_file(const std::string& path) {
  Sum sum;
  FileDigest digest;
  read_blocks(path, kBlock, [&](const char* block, size_t size) {
    sum.add(block, size);
    digest.bytes += static_cast<int64_t>(size);
  });
  digest.checksum = sum.value();
  return digest;
}

FileDigest digest_ends(const std::string& path) {
  Sum sum;
  FileDigest digest;
  digest.bytes = file_bytes(path);
  const int64_t end = std::min(digest.bytes, kEnd);
  for (const int64_t begin : {int64_t{0}, digest.bytes - end}) {
    const std::string bytes = read_range(path, begin, end);
    sum.add(bytes.data(), bytes.size());
  }
  unsigned char size[sizeof(int64_t)];
  for (size_t i = 0; i < sizeof size; ++i) {
    size[i] = static_cast<unsigned char>(static_cast<uint64_t>(digest.bytes) >> (8 * i));
  }
  sum.add(size, sizeof size);
  digest.checksum = sum.value();
  return digest;
}

std::string to_hex(uint64_t value) {
  return fmt::format("{:016x}", value);
}

std::optional<uint64_t> from_hex(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != 16 || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace sy::checkpoint
