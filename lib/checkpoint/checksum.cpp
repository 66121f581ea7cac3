#include "lib/checkpoint/checksum.h"

#include <xxhash.h>

#include <charconv>
#include <memory>

#include "lib/checkpoint/durable.h"

namespace sy::checkpoint {
namespace {

constexpr size_t kBlock = 1 << 20;

struct StateFree {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

}  // namespace

uint64_t checksum(const void* data, int64_t bytes) {
  return XXH3_64bits(data, static_cast<size_t>(bytes));
}

FileDigest digest_file(const std::string& path) {
  const std::unique_ptr<XXH3_state_t, StateFree> state(XXH3_createState());
  XXH3_64bits_reset(state.get());
  FileDigest digest;
  read_blocks(path, kBlock, [&](const char* block, size_t size) {
    XXH3_64bits_update(state.get(), block, size);
    digest.bytes += static_cast<int64_t>(size);
  });
  digest.checksum = XXH3_64bits_digest(state.get());
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
