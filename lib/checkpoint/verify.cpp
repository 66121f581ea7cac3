// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/verify.h"

#include <filesystem>

#include "lib/base/error.h"
#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/layout.h"

namespace sy {
namespace {

std::vector<std::string> checkpoints_in(const std::string& folder) {
  std::vector<std::string> paths;
  for (const int64_t step : checkpoint::named_steps(folder)) {
    paths.push_back(folder + "/" + checkpoint::committed_name(step));
  }
  return paths;
}

}  // namespace

std::vector<std::string> checkpoints_under(const std::string& folder) {
  std::vector<std::string> paths = checkpoints_in(folder + "/checkpoints");
  return paths.empty() ? checkpoints_in(folder) : paths;
}

std::optional<std::vector<std::string>> checkpoint_faults(const std::string& path) {
  std::vector<std::string> faults;
  try {
    faults = CheckpointReader(path).verify();
  } catch (const DataError& fault) {
    faults = {fault.what()};
  }
  std::error_code error;
  const bool is_gone = !std::filesystem::exists(std::filesystem::symlink_status(path, error));
  if (!faults.empty() && is_gone) return std::nullopt;
  return faults;
}

}  // namespace sy
