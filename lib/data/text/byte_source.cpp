#include "lib/data/text/byte_source.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

namespace sy {
namespace {

constexpr size_t kCompressedChunk = 128 << 10;

class PlainSource : public ByteSource {
 public:
  explicit PlainSource(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw ShardFault(fmt::format("cannot be opened ({})", std::strerror(errno)));
  }
  ~PlainSource() override { ::close(fd_); }
  PlainSource(const PlainSource&) = delete;
  PlainSource& operator=(const PlainSource&) = delete;

  size_t read(char* out, size_t size) override {
    ssize_t count = 0;
    do {
      count = ::read(fd_, out, size);
    } while (count < 0 && errno == EINTR);
    if (count < 0) throw ShardFault(fmt::format("cannot be read ({})", std::strerror(errno)));
    return static_cast<size_t>(count);
  }

 private:
  int fd_;
};

// Compressed bytes, a chunk at a time.
struct Compressed {
  explicit Compressed(const std::string& path) : file(path), chunk(kCompressedChunk) {}

  // Makes sure that there are bytes; false at the end of the file.
  bool refill() {
    if (begin < end) return true;
    begin = 0;
    end = file.read(chunk.data(), chunk.size());
    return end > 0;
  }

  PlainSource file;
  std::vector<char> chunk;
  size_t begin = 0, end = 0;
};

class GzipSource : public ByteSource {
 public:
  explicit GzipSource(const std::string& path) : in_(path) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  size_t read(char* out, size_t size) override {
    if (!fault_.empty()) throw ShardFault(fault_);
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min<size_t>(size, std::numeric_limits<uInt>::max()));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room && fault_.empty()) {
      // Without input, inflate still gives out what did not fit the last call.
      const bool more = in_.refill();
      if (more || inside_) step();
      if (more || stream_.avail_out < room) continue;
      if (inside_ || members_ == 0) fault_ = "holds gzip data that is cut off";
      break;
    }
    if (stream_.avail_out == room && !fault_.empty()) throw ShardFault(fault_);
    return room - stream_.avail_out;
  }

 private:
  void step() {
    if (!inside_) {
      // Zeros after a member are padding (tape blocks, preallocated files).
      while (members_ > 0 && in_.begin < in_.end && in_.chunk[in_.begin] == 0) ++in_.begin;
      if (in_.begin == in_.end) return;
      inside_ = true;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(in_.chunk.data() + in_.begin);
    stream_.avail_in = static_cast<uInt>(in_.end - in_.begin);
    const int rc = inflate(&stream_, Z_NO_FLUSH);
    in_.begin = in_.end - stream_.avail_in;
    if (rc == Z_STREAM_END) {
      ++members_;
      inside_ = false;
      inflateReset(&stream_);
    } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
      fault_ = fmt::format("holds corrupt gzip data ({})", stream_.msg ? stream_.msg : zError(rc));
    }
  }

  Compressed in_;
  z_stream stream_{};
  int64_t members_ = 0;
  bool inside_ = false;  // a member has begun
  std::string fault_;
};

class ZstdSource : public ByteSource {
 public:
  explicit ZstdSource(const std::string& path) : in_(path), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
  }
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  size_t read(char* out, size_t size) override {
    if (!fault_.empty()) throw ShardFault(fault_);
    ZSTD_outBuffer output{out, size, 0};
    while (output.pos == 0 && fault_.empty()) {
      // A call without input flushes what the decoder still holds.
      const bool more = in_.refill();
      ZSTD_inBuffer input{in_.chunk.data(), in_.end, in_.begin};
      const size_t rc = ZSTD_decompressStream(stream_, &output, &input);
      in_.begin = input.pos;
      if (ZSTD_isError(rc)) {
        fault_ = fmt::format("holds corrupt zstd data ({})", ZSTD_getErrorName(rc));
      } else if (more || output.pos > 0) {
        inside_ = rc != 0;
      } else {
        if (inside_) fault_ = "holds zstd data that is cut off";
        break;
      }
    }
    if (output.pos == 0 && !fault_.empty()) throw ShardFault(fault_);
    return output.pos;
  }

 private:
  Compressed in_;
  ZSTD_DStream* stream_;
  bool inside_ = true;  // a file without a frame is cut off
  std::string fault_;
};

}  // namespace

std::unique_ptr<ByteSource> open_shard(const std::string& path) {
  if (path.ends_with(".gz")) return std::make_unique<GzipSource>(path);
  if (path.ends_with(".zst")) return std::make_unique<ZstdSource>(path);
  return std::make_unique<PlainSource>(path);
}

}  // namespace sy
