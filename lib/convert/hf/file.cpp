// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sy::convert {
namespace {

[[noreturn]] void fail_read(const std::string& path, const std::string& reason) {
  throw DataError(fmt::format("cannot read {}: {}", path, reason));
}

[[noreturn]] void fail_write(const std::string& path) {
  throw RuntimeFailure(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
}

}  // namespace

File File::open(const std::string& path) {
  File file(path, ::open(path.c_str(), O_RDONLY | O_CLOEXEC), 0);
  if (file.number_ < 0) fail_read(path, std::strerror(errno));
  struct stat status = {};
  if (fstat(file.number_, &status) != 0) fail_read(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail_read(path, "it is not a regular file");
  file.size_ = status.st_size;
  return file;
}

File File::create(const std::string& path) {
  File file(path, ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), 0);
  if (file.number_ < 0) fail_write(path);
  return file;
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)),
      number_(std::exchange(other.number_, -1)),
      size_(other.size_) {}

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(number_, other.number_);
  std::swap(size_, other.size_);
  return *this;
}

File::~File() {
  if (number_ >= 0) close(number_);
}

int64_t File::size() const {
  return size_;
}

void File::read(void* out, int64_t begin, int64_t bytes) const {
  auto* to = static_cast<char*>(out);
  while (bytes > 0) {
    const ssize_t got = pread(number_, to, static_cast<size_t>(bytes), begin);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_read(path_, std::strerror(errno));
    if (got == 0) fail_read(path_, fmt::format("it ends {} bytes too early", bytes));
    to += got;
    begin += got;
    bytes -= got;
  }
}

void File::append(const void* data, int64_t bytes) {
  const auto* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t wrote = write(number_, from, static_cast<size_t>(bytes));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail_write(path_);
    from += wrote;
    bytes -= wrote;
  }
}

void File::sync() {
  if (fsync(number_) != 0) fail_write(path_);
}

}  // namespace sy::convert
