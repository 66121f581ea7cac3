// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/byte_source.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

#include "lib/data/text/file_form.h"

namespace sy {
namespace {

constexpr size_t kFirstRead = 4 << 10;  // enough to tell the form
constexpr size_t kChunk = 128 << 10;

// Opens a regular file. Every epoch reads a shard again, so that a pipe or a device is none;
// opening a pipe without a writer would block, were it not for O_NONBLOCK.
int open_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw ShardFault(fmt::format("cannot be opened ({})", std::strerror(errno)));
  struct stat status = {};
  if (::fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) return fd;
  ::close(fd);
  throw ShardFault("is a pipe or a device, which can be read only once: write the text to a file");
}

// A file, a chunk at a time.
class Input {
 public:
  explicit Input(const std::string& path) : fd_(open_file(path)), chunk_(kFirstRead) {}
  ~Input() { ::close(fd_); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // Ensures that there are bytes; false at the end of the file.
  bool refill() {
    if (begin_ < end_) return true;
    if (end_ > 0) chunk_.resize(kChunk);
    begin_ = 0;
    end_ = read_file(chunk_.data(), chunk_.size());
    return end_ > 0;
  }

  size_t read_file(char* out, size_t size) {
    ssize_t count = 0;
    do {
      count = ::read(fd_, out, size);
    } while (count < 0 && errno == EINTR);
    if (count < 0) throw ShardFault(fmt::format("cannot be read ({})", std::strerror(errno)));
    return static_cast<size_t>(count);
  }

  const char* data() const { return chunk_.data() + begin_; }
  size_t size() const { return end_ - begin_; }
  void use(size_t count) { begin_ += count; }

 private:
  int fd_;
  std::vector<char> chunk_;
  size_t begin_ = 0, end_ = 0;
};

class PlainSource : public ByteSource {
 public:
  explicit PlainSource(std::unique_ptr<Input> in) : in_(std::move(in)) {}

  size_t read(char* out, size_t size) override {
    const size_t held = std::min(size, in_->size());
    if (held == 0) return in_->read_file(out, size);
    std::memcpy(out, in_->data(), held);
    in_->use(held);
    return held;
  }

 private:
  std::unique_ptr<Input> in_;
};

class GzipSource : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<Input> in) : in_(std::move(in)) {
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
      // Without input, inflate still returns output that did not fit the last call.
      const bool more = in_->refill();
      if (more || inside_) step();
      if (more || stream_.avail_out < room) continue;
      if (inside_ || members_ == 0) fault_ = kCutGzip;
      break;
    }
    if (stream_.avail_out == room && !fault_.empty()) throw ShardFault(fault_);
    return room - stream_.avail_out;
  }

 private:
  void step() {
    if (!inside_) {
      // Zeros after a member are padding (tape blocks, preallocated files).
      while (members_ > 0 && in_->size() > 0 && *in_->data() == 0) in_->use(1);
      if (in_->size() == 0) return;
      inside_ = true;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in_->data()));
    stream_.avail_in = static_cast<uInt>(in_->size());
    const int rc = inflate(&stream_, Z_NO_FLUSH);
    in_->use(in_->size() - stream_.avail_in);
    if (rc == Z_STREAM_END) {
      ++members_;
      inside_ = false;
      inflateReset(&stream_);
    } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
      fault_ = fmt::format("holds corrupt gzip data ({})", stream_.msg ? stream_.msg : zError(rc));
    }
  }

  std::unique_ptr<Input> in_;
  z_stream stream_{};
  int64_t members_ = 0;
  bool inside_ = false;  // a member has begun
  std::string fault_;
};

class ZstdSource : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<Input> in)
      : in_(std::move(in)), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
    // By default the library refuses windows of more than 128 MiB (zstd --long=28 and up).
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax,
                           ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound);
  }
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  size_t read(char* out, size_t size) override {
    if (!fault_.empty()) throw ShardFault(fault_);
    ZSTD_outBuffer output{out, size, 0};
    while (output.pos == 0 && fault_.empty()) {
      // A call without input flushes what the decoder still holds.
      const bool more = in_->refill();
      ZSTD_inBuffer input{in_->data(), in_->size(), 0};
      const size_t rc = ZSTD_decompressStream(stream_, &output, &input);
      in_->use(input.pos);
      if (ZSTD_isError(rc)) {
        fault_ = fmt::format("holds corrupt zstd data ({})", ZSTD_getErrorName(rc));
      } else if (more || output.pos > 0) {
        inside_ = rc != 0;
      } else {
        if (inside_) fault_ = kCutZstd;
        break;
      }
    }
    if (output.pos == 0 && !fault_.empty()) throw ShardFault(fault_);
    return output.pos;
  }

 private:
  std::unique_ptr<Input> in_;
  ZSTD_DStream* stream_;
  bool inside_ = true;  // a file without a frame is cut off
  std::string fault_;
};

}  // namespace

std::unique_ptr<ByteSource> open_shard(const std::string& path) {
  auto input = std::make_unique<Input>(path);
  input->refill();
  switch (tell_form({input->data(), input->size()})) {
    case FileForm::gzip:
      return std::make_unique<GzipSource>(std::move(input));
    case FileForm::zstd:
      return std::make_unique<ZstdSource>(std::move(input));
    case FileForm::plain:
      break;
  }
  return std::make_unique<PlainSource>(std::move(input));
}

std::string find_shard_fault(const std::string& path) {
  try {
    char first = 0;
    return open_shard(path)->read(&first, 1) == 0 ? "is empty" : "";
  } catch (const ShardFault& fault) {
    return fault.what();
  }
}

}  // namespace sy
