// xxh3-64, the checksum of every dataset and file of a checkpoint: it runs at memory speed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sy::checkpoint {

uint64_t checksum(const void* data, int64_t bytes);

struct FileDigest {
  int64_t bytes = 0;
  uint64_t checksum = 0;
  bool operator==(const FileDigest&) const = default;
};

// Reads the whole file. Throws DataError when it cannot be read.
FileDigest digest_file(const std::string& path);

// A file's size, and a checksum of its first and its last 64 KiB (of a shorter file all of it, both
// times) followed by the size as 8 bytes, little-endian: tells files apart and cuts, not a byte
// changed in the middle. Throws DataError when it cannot be read.
FileDigest digest_ends(const std::string& path);

// 16 lower-case hexadecimal digits, the form used in JSON, whose numbers end at 2^53.
std::string to_hex(uint64_t value);
std::optional<uint64_t> from_hex(std::string_view text);

}  // namespace sy::checkpoint
