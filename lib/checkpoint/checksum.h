// SPDX-License-Identifier: Apache-2.0
// xxh3-64, the checksum of every dataset and file of a checkpoint. It runs at memory speed.
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

// Reads the whole file. Throws DataError if it cannot be read.
FileDigest digest_file(const std::string& path);

// The size of a file, and a checksum of its first 64 KiB, its last 64 KiB and its size as 8
// little-endian bytes. (A file shorter than 64 KiB is read whole, twice.) This distinguishes files
// and notices truncation, but not a byte changed in the middle. Throws DataError if the file cannot
// be read.
FileDigest digest_ends(const std::string& path);

// 16 lower-case hexadecimal digits: the form used in JSON, where many readers hold numbers as
// doubles and would lose the low bits.
std::string to_hex(uint64_t value);
std::optional<uint64_t> from_hex(std::string_view text);

}  // namespace sy::checkpoint
