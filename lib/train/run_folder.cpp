// SPDX-License-Identifier: Apache-2.0
#include "lib/train/run_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "lib/config/config.h"

namespace sy {

RunFolder::RunFolder(const RunConfig& config)
    : path(config.run.directory + "/" + config.run.name), checkpoints(path + "/checkpoints") {}

void RunFolder::create(const RunConfig& config) {
  std::error_code error;
  std::filesystem::create_directories(checkpoints, error);
  if (error) {
    throw RuntimeFailure(fmt::format("cannot create {}: {}; choose another run.directory",
                                     checkpoints, error.message()));
  }
  std::ofstream file(path + "/config.yaml");
  file << write_config(config);
  file.flush();
  if (!file) {
    throw RuntimeFailure(
        fmt::format("cannot write {}/config.yaml: {}", path, std::strerror(errno)));
  }
  struct stat found = {};
  if (stat(path.c_str(), &found) != 0) {
    throw RuntimeFailure(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }
  device_ = found.st_dev;
  inode_ = found.st_ino;
}

void RunFolder::require_in_place() const {
  struct stat found = {};
  if (stat(path.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) return;
  throw RuntimeFailure(fmt::format(
      "{} was moved or removed while the run was writing to it, so the run ends here; move it back "
      "and start the same command again to resume from its newest checkpoint",
      path));
}

}  // namespace sy
