// SPDX-License-Identifier: Apache-2.0
// CONFIG and --set, the arguments of every command that reads a configuration, and --resume of
// those that train.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

#include "lib/config/config.h"

namespace sy {

struct ConfigOptions {
  std::string path;
  std::vector<std::string> overrides;

  // The validated configuration, not resolved. Throws ConfigError.
  RunConfig load() const { return load_config(path, overrides); }

  // Whether --set sets this very key.
  bool sets(const std::string& key) const {
    for (const std::string& override : overrides) {
      if (override.starts_with(key + "=")) return true;
    }
    return false;
  }
};

inline void add_config_options(CLI::App& app, ConfigOptions& options) {
  app.add_option("CONFIG", options.path, "configuration file (YAML)")->required();
  app.add_option("--set", options.overrides,
                 "key.path=value, replaces a value of the file; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

// The run function of the command shares ownership.
inline std::shared_ptr<ConfigOptions> add_config_options(CLI::App& app) {
  auto options = std::make_shared<ConfigOptions>();
  add_config_options(app, *options);
  return options;
}

// --resume of the commands that train.
inline std::shared_ptr<std::string> add_resume_option(CLI::App& app) {
  auto resume = std::make_shared<std::string>("auto");
  app.add_option(
         "--resume", *resume,
         "auto (the newest checkpoint of this run), none, or the folder of a checkpoint or run")
      ->capture_default_str();
  return resume;
}

}  // namespace sy
