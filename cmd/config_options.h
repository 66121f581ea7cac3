// SPDX-License-Identifier: Apache-2.0
// CONFIG and --set, the arguments of every command that reads a configuration.
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

}  // namespace sy
