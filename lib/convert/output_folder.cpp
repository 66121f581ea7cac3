// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/output_folder.h"

#include <filesystem>

#include "lib/base/error.h"
#include "lib/checkpoint/durable.h"

namespace sy::convert {
namespace fs = std::filesystem;
using namespace checkpoint;
namespace {

std::string without_last_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

OutputFolder::OutputFolder(const std::string& path)
    : path_(without_last_slashes(path)), partial_(path_ + ".partial") {
  std::error_code error;
  if (fs::exists(path_, error)) {
    throw ConfigError(
        fmt::format("{} already exists; remove it or choose another output folder", path_));
  }
  remove_path(partial_);
  make_folder(partial_);
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(partial_, ignored);
}

void OutputFolder::commit() {
  sync_path(partial_);
  rename_path(partial_, path_);
  committed_ = true;
  const fs::path parent = fs::path(path_).parent_path();
  sync_path(parent.empty() ? "." : parent.string());
}

}  // namespace sy::convert
