// CONFIG and --set, which every command that reads a configuration takes.
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

  // The checked configuration, not resolved. Throws ConfigError.
  RunConfig load() const { return load_config(path, overrides); }

  // Whether --set gives the key itself.
  bool sets(const std::string& key) const {
    for (const std::string& override : overrides) {
      if (override.starts_with(key + "=")) return true;
    }
    return false;
  }
};

inline void add_config_options(CLI::App& app, ConfigOptions& options) {
  app.add_option("CONFIG", options.path, "configuration file (YAML)")->required();
  app.add_option("--set", options.overrides, "key.path=value, over the file; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

// Lives as long as the command's run function holds it.
inline std::shared_ptr<ConfigOptions> add_config_options(CLI::App& app) {
  auto options = std::make_shared<ConfigOptions>();
  add_config_options(app, *options);
  return options;
}

}  // namespace sy
