// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/durable.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

namespace sy::checkpoint {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail_write(const std::string& path, const std::string& reason) {
  throw RuntimeFailure(fmt::format("cannot write {}: {}", path, reason));
}
[[noreturn]] void fail_read(const std::string& path, const std::string& reason) {
  throw DataError(fmt::format("cannot read {}: {}", path, reason));
}

std::atomic<FileObserver> current_observer{nullptr};

// An open file. Errors of close() are ignored: after a sync they do not matter.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : number_(open(path.c_str(), flags, 0666)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool valid() const { return number_ >= 0; }
  int number() const { return number_; }

 private:
  int number_;
};

void sync(const Descriptor& file, const std::string& path) {
  tell_observer(FileCall::sync, path);
  if (fsync(file.number()) != 0) fail_write(path, std::strerror(errno));
}

}  // namespace

void observe_files(FileObserver observer) {
  current_observer = observer;
}

void tell_observer(FileCall call, const std::string& path, const std::string& to) {
  if (const FileObserver observer = current_observer) observer(call, path, to);
}

void make_folder(const std::string& path) {
  tell_observer(FileCall::make, path);
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw RuntimeFailure(fmt::format("cannot create {}: {}", path, error.message()));
}

void make_subfolder(const std::string& path) {
  tell_observer(FileCall::make, path);
  std::error_code error;
  fs::create_directory(path, error);
  if (error) throw RuntimeFailure(fmt::format("cannot create {}: {}", path, error.message()));
}

void write_synced(const std::string& path, const std::string& contents) {
  tell_observer(FileCall::write, path);
  const Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  if (!file.valid()) fail_write(path, std::strerror(errno));
  for (size_t done = 0; done < contents.size();) {
    const ssize_t wrote = write(file.number(), contents.data() + done, contents.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail_write(path, std::strerror(errno));
    done += static_cast<size_t>(wrote);
  }
  sync(file, path);
}

void sync_path(const std::string& path) {
  const Descriptor file(path, O_RDONLY | O_CLOEXEC);
  if (!file.valid()) fail_write(path, std::strerror(errno));
  sync(file, path);
}

void rename_path(const std::string& from, const std::string& to) {
  tell_observer(FileCall::rename, from, to);
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    throw RuntimeFailure(fmt::format("cannot rename {} to {}: {}", from, to, std::strerror(errno)));
  }
}

void replace_folder(const std::string& from, const std::string& to, const std::string& aside) {
  std::error_code absent;
  if (!fs::exists(to, absent)) return rename_path(from, to);
  remove_path(aside);
  tell_observer(FileCall::exchange, from, to);
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) {
    return rename_path(from, aside);
  }
  rename_path(to, aside);
  rename_path(from, to);
}

void remove_path(const std::string& path) {
  tell_observer(FileCall::remove, path);
  std::error_code error;
  fs::remove_all(path, error);
  if (error) throw RuntimeFailure(fmt::format("cannot remove {}: {}", path, error.message()));
}

void read_blocks(const std::string& path, size_t block,
                 const std::function<void(const char* bytes, size_t size)>& use) {
  const Descriptor file(path, O_RDONLY | O_CLOEXEC);
  if (!file.valid()) fail_read(path, std::strerror(errno));
  posix_fadvise(file.number(), 0, 0, POSIX_FADV_SEQUENTIAL);
  std::vector<char> buffer(block);
  while (true) {
    const ssize_t got = read(file.number(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_read(path, std::strerror(errno));
    if (got == 0) return;
    use(buffer.data(), static_cast<size_t>(got));
  }
}

int64_t file_bytes(const std::string& path) {
  std::error_code error;
  const auto bytes = static_cast<int64_t>(fs::file_size(path, error));
  if (error) fail_read(path, error.message());
  return bytes;
}

std::string read_range(const std::string& path, int64_t begin, int64_t count) {
  const Descriptor file(path, O_RDONLY | O_CLOEXEC);
  if (!file.valid()) fail_read(path, std::strerror(errno));
  std::string bytes(static_cast<size_t>(count), '\0');
  for (int64_t done = 0; done < count;) {
    const ssize_t got = pread(file.number(), bytes.data() + done, static_cast<size_t>(count - done),
                              static_cast<off_t>(begin + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_read(path, std::strerror(errno));
    if (got == 0) fail_read(path, fmt::format("it ends within {} bytes", begin + count));
    done += got;
  }
  return bytes;
}

std::string read_text(const std::string& path, int64_t limit) {
  std::string text;
  read_blocks(path, 1 << 16, [&](const char* bytes, size_t size) {
    text.append(bytes, size);
    if (static_cast<int64_t>(text.size()) > limit) {
      fail_read(path, fmt::format("it is larger than {} bytes", limit));
    }
  });
  return text;
}

}  // namespace sy::checkpoint
