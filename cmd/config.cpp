// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <cstdio>
#include <filesystem>

#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "cmd/numbers.h"
#include "lib/data/tokenizer/tokenizer.h"

namespace sy {
namespace {

// Size 0 if the file of the tokenizer does not exist yet.
TokenizerInfo tokenizer_info(const RunConfig& config) {
  const std::string& model = config.data.tokenizer;
  const bool absent = config.data.format == DataFormat::text && !is_byte_tokenizer(model) &&
                      !std::filesystem::exists(model);
  return absent ? TokenizerInfo(0) : open_tokenizer(config)->info();
}

ExitCode print_resolved(const ConfigOptions& options, int ranks) {
  RunConfig config = options.load();
  if (ranks > 0) throw_errors(find_mesh_errors(config, ranks));
  resolve_config(config, tokenizer_info(config));
  std::fputs(write_config(config).c_str(), stdout);
  return ExitCode::done;
}

}  // namespace

Run setup_config(CLI::App& app) {
  auto options = add_config_options(app);
  auto reference = std::make_shared<bool>(false);
  auto ranks = std::make_shared<int>(0);
  app.get_option("CONFIG")->required(false);
  app.add_flag("--reference", *reference,
               "print docs/configuration.md, the reference of all keys, instead");
  app.add_option("--ranks", *ranks, "also check the configuration for this number of ranks")
      ->check(whole_number());
  return [options, reference, ranks] {
    if (*reference) {
      std::fputs(write_reference().c_str(), stdout);
      return ExitCode::done;
    }
    if (options->path.empty()) throw ConfigError("CONFIG is missing; give a configuration file");
    return print_resolved(*options, *ranks);
  };
}

}  // namespace sy
