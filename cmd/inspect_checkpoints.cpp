// SPDX-License-Identifier: Apache-2.0
#include "cmd/inspect_checkpoints.h"

#include <fmt/ranges.h>

#include <cstdio>

#include "lib/base/json.h"
#include "lib/checkpoint/verify.h"

namespace sy {
namespace {

void print_line(const std::string& path, const std::vector<std::string>& faults, bool json) {
  if (json) {
    fmt::print("{}\n", json_line(Json{{"checkpoint", path}, {"faults", faults}}));
  } else if (faults.empty()) {
    fmt::print("{}  intact\n", path);
  } else {
    fmt::print("{}  damaged: {}\n", path, fmt::join(faults, "; "));
  }
  std::fflush(stdout);
}

}  // namespace

ExitCode inspect_checkpoints(const std::string& folder, bool json) {
  const std::vector<std::string> paths = checkpoints_under(folder);
  int64_t damaged = 0;
  for (const std::string& path : paths) {
    const auto faults = checkpoint_faults(path);
    if (!faults) continue;
    print_line(path, *faults, json);
    if (!faults->empty()) ++damaged;
  }
  if (damaged == 0) return ExitCode::done;
  throw DataError(
      fmt::format("{} of {} checkpoints in {} are damaged; restore them from a copy, or go on "
                  "without: --resume "
                  "auto takes the newest that is intact",
                  damaged, paths.size(), folder));
}

}  // namespace sy
