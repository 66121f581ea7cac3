// SPDX-License-Identifier: Apache-2.0
// Lines of a shard, in constant memory: a line longer than the limit is skipped without being held.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/data/text/byte_source.h"

namespace sy {

// Thrown by a read after another thread has set `cancelled`.
struct Cancelled {};

class LineReader {
 public:
  enum class Result : uint8_t { line, too_long, end };

  // `cancelled`, which may be null, is checked for each block read.
  LineReader(std::unique_ptr<ByteSource> source, int64_t max_bytes,
             const std::atomic<bool>* cancelled);

  // The next line without its newline, which the last line may lack. The view is valid until the
  // next call, and kPadding readable bytes follow it. Throws ShardFault if the shard cannot be read
  // on; the part of a line before that point is lost.
  Result next(std::string_view& line);

  // Bytes of memory allocated for lines.
  int64_t capacity() const { return static_cast<int64_t>(buffer_.size()); }

  static constexpr int64_t kPadding = 64;

 private:
  bool refill();
  Result pass_over();

  std::unique_ptr<ByteSource> source_;
  size_t max_bytes_;
  const std::atomic<bool>* cancelled_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;  // bytes not returned yet
};

}  // namespace sy
