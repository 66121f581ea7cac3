// The bytes of a shard, decompressed as they are read: plain, gzip (any number of members) or zstd
// (any number of frames), by the file's ending (.gz, .zst, else plain).
#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

namespace sy {

// A shard cannot be read on: `what()` says why, as what the shard does ("cannot be opened ...").
// The reader makes a count or a DataError of it.
class ShardFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Reads 1 to `size` bytes into `out` and returns their number, or 0 at the end. All bytes before
  // a fault are given out before it is thrown (ShardFault); a file cut off is a fault.
  virtual size_t read(char* out, size_t size) = 0;
};

// Throws ShardFault when the file cannot be opened.
std::unique_ptr<ByteSource> open_shard(const std::string& path);

}  // namespace sy
