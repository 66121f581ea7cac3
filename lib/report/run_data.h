// SPDX-License-Identifier: Apache-2.0
// Everything that a report says of a run, read from its folder. Nothing there is changed, and the
// run may be going on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/report/metrics_file.h"

namespace sy::report {

struct SavedCheckpoint {
  int64_t step = 0;
  int64_t bytes = 0;
  std::string committed;  // when, UTC; empty: unknown
};

// What log.txt says, which is that of all sessions of the run.
struct RunLogText {
  std::vector<std::string> events;    // resumed, stopped, restarted: whole lines
  std::vector<std::string> warnings;  // the first kWarnings
  int64_t warning_count = 0;
  std::string memory;  // "parameters 10.6 MiB, gradients ...", of the last session
  std::string backend;
};
constexpr int64_t kWarnings = 20;

struct RunData {
  std::string path;  // as given
  std::string name;  // the folder's
  Metrics metrics;
  std::optional<RunConfig> config;
  std::string config_fault;                  // why there is none: one line
  RunLogText log;                            // empty if there is no log.txt
  std::vector<SavedCheckpoint> checkpoints;  // committed, ascending
};

// Throws DataError if `path` is no folder, or as read_metrics() does. Everything else of the folder
// may be absent.
RunData read_run(const std::string& path);

// Names that differ: two runs of the same name are called by their paths.
void distinguish(std::vector<RunData>& runs);

RunLogText read_log(const std::string& path);

}  // namespace sy::report
