// SPDX-License-Identifier: Apache-2.0
// An unbuffered file, either read at any position or written from start to end. Failing to read is
// a DataError, failing to write a RuntimeFailure; both name the path and the system's reason.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/error.h"

namespace sy::convert {

class File {
 public:
  static File open(const std::string& path);    // to read
  static File create(const std::string& path);  // replaces an existing file

  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  const std::string& path() const { return path_; }
  int64_t size() const;  // at the time of opening

  // Reads bytes [begin, begin + bytes); DataError if the file ends before.
  void read(void* out, int64_t begin, int64_t bytes) const;

  void append(const void* data, int64_t bytes);
  // Makes the contents durable; syncing the folder's entry is up to the caller.
  void sync();

 private:
  File(std::string path, int number, int64_t size)
      : path_(std::move(path)), number_(number), size_(size) {}

  std::string path_;
  int number_ = -1;
  int64_t size_ = 0;
};

}  // namespace sy::convert
