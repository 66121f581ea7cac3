// SPDX-License-Identifier: Apache-2.0
// The form of a file, told by its first bytes.
#pragma once

#include <cstdint>
#include <string_view>

namespace sy {

enum class FileForm : uint8_t { plain, gzip, zstd };

constexpr const char* kCutGzip = "holds gzip data that is cut off";
constexpr const char* kCutZstd = "holds zstd data that is cut off";

// `head` is the beginning of the file; a head of less than four bytes is the whole file. Throws
// ShardFault (byte_source.h) for a file that cannot be a shard: it says what the file is instead.
FileForm tell_form(std::string_view head);

}  // namespace sy
