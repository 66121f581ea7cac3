// A file read at any place or written from front to back, without a buffer of its own. What cannot
// be read is a DataError, what cannot be written a RuntimeFailure; both name the path and the
// system's reason.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/error.h"

namespace sy::convert {

class File {
 public:
  static File open(const std::string& path);    // to read
  static File create(const std::string& path);  // replaces the file

  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  const std::string& path() const { return path_; }
  int64_t size() const;  // when it was opened

  // Bytes [begin, begin + bytes), all of them or DataError.
  void read(void* out, int64_t begin, int64_t bytes) const;

  void append(const void* data, int64_t bytes);
  // Durable when it returns; the folder's entry is the caller's to sync.
  void sync();

 private:
  File(std::string path, int number, int64_t size)
      : path_(std::move(path)), number_(number), size_(size) {}

  std::string path_;
  int number_ = -1;
  int64_t size_ = 0;
};

}  // namespace sy::convert
