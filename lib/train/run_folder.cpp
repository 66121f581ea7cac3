// SPDX-License-Identifier: Apache-2.0
#include "lib/train/run_folder.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/config/config.h"

namespace sy {

RunFolder::RunFolder(const RunConfig& config)
    : path(config.run.directory + "/" + config.run.name), checkpoints(path + "/checkpoints") {}

void RunFolder::create(const RunConfig& config) const {
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
  log::open_file(path + "/log.txt");
}

}  // namespace sy
