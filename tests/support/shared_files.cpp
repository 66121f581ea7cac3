// SPDX-License-Identifier: Apache-2.0
#include "tests/support/shared_files.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include <unistd.h>

namespace sy::test {
namespace {

int skips = 0;

struct Folders {
  std::vector<std::filesystem::path> paths;
  ~Folders() {
    std::error_code ignored;
    for (const auto& path : paths) std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

std::optional<std::string> shared_file(const std::string& name) {
  const char* folder = std::getenv("SWITCHYARD_SHARED");
  const std::filesystem::path root = folder != nullptr ? folder : SY_SOURCE_DIR "/../shared";
  const std::filesystem::path path = root / name;
  return std::filesystem::exists(path) ? std::optional(path.string()) : std::nullopt;
}

void skip(const std::string& reason) {
  ++skips;
  std::fprintf(stderr, "skipped: %s\n", reason.c_str());
}

bool any_skipped() {
  return skips > 0;
}

std::string temporary_folder() {
  static Folders folders;
  std::string pattern = (std::filesystem::temp_directory_path() / "switchyard-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  folders.paths.emplace_back(pattern);
  return pattern;
}

}  // namespace sy::test
