// SPDX-License-Identifier: Apache-2.0
// The bytes of a shard, decompressed as they are read. The first bytes of the file tell its form:
// gzip (any number of members), zstd (any number of frames, windows of up to 2 GiB), or plain. The
// name of the file does not matter.
#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

namespace sy {

// A shard cannot be read, or not to its end. `what()` completes the sentence "the shard ...":
// "cannot be opened (No such file or directory)". Readers turn it into a counted bad record or a
// DataError.
class ShardFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Reads 1 to `size` bytes into `out` and returns their number, or 0 at the end. Throws ShardFault
  // for corrupt or truncated data, after returning all bytes before the fault.
  virtual size_t read(char* out, size_t size) = 0;
};

// Throws ShardFault if the file cannot be opened, or is recognised as something else than text: a
// Git LFS pointer, a Parquet file, a web page and the like.
std::unique_ptr<ByteSource> open_shard(const std::string& path);

// Why a shard cannot be read from, judged by its first bytes: the text of a ShardFault, "is empty",
// or "" for none.
std::string find_shard_fault(const std::string& path);

}  // namespace sy
