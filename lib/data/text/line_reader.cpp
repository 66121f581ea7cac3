// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/line_reader.h"

#include <algorithm>
#include <cstring>

namespace sy {
namespace {

constexpr size_t kBlock = 256 << 10;

}  // namespace

LineReader::LineReader(std::unique_ptr<ByteSource> source, int64_t max_bytes,
                       const std::atomic<bool>* cancelled)
    : source_(std::move(source)),
      max_bytes_(static_cast<size_t>(max_bytes)),
      cancelled_(cancelled),
      buffer_(kBlock + kPadding) {}

LineReader::Result LineReader::next(std::string_view& line) {
  size_t searched = 0;
  while (true) {
    const char* start = buffer_.data() + begin_;
    const size_t held = end_ - begin_;
    const void* found = std::memchr(start + searched, '\n', held - searched);
    if (found != nullptr) {
      line = {start, static_cast<size_t>(static_cast<const char*>(found) - start)};
      begin_ += line.size() + 1;
      return line.size() > max_bytes_ ? Result::too_long : Result::line;
    }
    if (held > max_bytes_) return pass_over();
    searched = held;
    if (refill()) continue;
    if (held == 0) return Result::end;
    line = {buffer_.data() + begin_, held};
    begin_ = end_;
    return Result::line;
  }
}

// Drops the bytes held and all that follow, up to the end of the line.
LineReader::Result LineReader::pass_over() {
  do {
    const char* start = buffer_.data() + begin_;
    const void* found = std::memchr(start, '\n', end_ - begin_);
    if (found != nullptr) {
      begin_ += static_cast<size_t>(static_cast<const char*>(found) - start) + 1;
      return Result::too_long;
    }
    begin_ = end_;
  } while (refill());
  return Result::too_long;
}

// Appends a block to the bytes held. False at the end of the shard.
bool LineReader::refill() {
  if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) throw Cancelled();
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ + kPadding == buffer_.size()) {
    const size_t most = std::max(max_bytes_ + 1, kBlock);
    buffer_.resize(std::min(2 * end_, most + kBlock) + kPadding);
  }
  const size_t room = std::min(buffer_.size() - kPadding - end_, kBlock);
  const size_t count = source_->read(buffer_.data() + end_, room);
  end_ += count;
  return count > 0;
}

}  // namespace sy
