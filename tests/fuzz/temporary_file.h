// SPDX-License-Identifier: Apache-2.0
// A file that is rewritten for each input, for parsers that open files by name. It is in memory if
// the system has /dev/shm.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace sy::fuzz {

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& ending) {
    const char* folder = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
    path_ = std::string(folder) + "/switchyard-fuzz-" + std::to_string(getpid()) + ending;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& write(std::string_view bytes) const {
    std::ofstream file(path_, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) std::abort();
    return path_;
  }

 private:
  std::string path_;
};

}  // namespace sy::fuzz
