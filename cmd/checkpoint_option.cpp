#include "cmd/checkpoint_option.h"

#include <filesystem>

#include "lib/convert/checkpoint_source.h"
#include "lib/train/run_folder.h"

namespace sy {
namespace {

std::string newest_of_run(const RunConfig& config) {
  const std::string folder = RunFolder(config).checkpoints;
  std::string path = newest_checkpoint(folder);
  if (path.empty()) {
    throw DataError(fmt::format(
        "{} has no committed checkpoint: train first, or name one with --checkpoint", folder));
  }
  return path;
}

// A stored configuration is resolved: with another encoder length, what follows from it is found
// afresh.
std::vector<std::string> with_derived(const ConfigOptions& options) {
  std::vector<std::string> overrides;
  if (options.sets("data.encoder_length")) {
    overrides = {"data.window_tokens=auto", "data.decoder_length=auto"};
  }
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  return overrides;
}

// The tokenizer of a checkpoint that is read with its own configuration.
void find_tokenizer(ChosenCheckpoint& chosen, const CheckpointReader& reader,
                    const ConfigOptions& options) {
  if (options.sets("data.tokenizer")) return;
  const std::string stored = reader.tokenizer(), beside = chosen.path + "/spiece.model";
  if (!stored.empty()) {
    chosen.config.data.tokenizer = stored;
  } else if (std::filesystem::exists(beside)) {
    chosen.config.data.tokenizer = beside;
  } else {
    throw ConfigError(
        fmt::format("{} has no tokenizer: name its SentencePiece model with --set "
                    "data.tokenizer=FILE, or put it there as spiece.model",
                    chosen.path));
  }
}

// CONFIG names a tokenizer; where that file is absent the checkpoint's own serves.
void replace_absent_tokenizer(ChosenCheckpoint& chosen) {
  std::string& tokenizer = chosen.config.data.tokenizer;
  if (std::filesystem::exists(tokenizer)) return;
  const std::string stored = CheckpointReader(chosen.path).tokenizer();
  if (!stored.empty()) tokenizer = stored;
}

}  // namespace

std::shared_ptr<CheckpointOptions> add_checkpoint_options(CLI::App& app) {
  auto options = std::make_shared<CheckpointOptions>();
  add_config_options(app, options->config);
  app.get_option("CONFIG")->required(false)->description(
      "configuration file (YAML); the checkpoint's own where left out");
  app.add_option("--checkpoint", options->checkpoint,
                 "a checkpoint's folder; the newest of CONFIG's run where left out");
  return options;
}

ChosenCheckpoint choose_checkpoint(const CheckpointOptions& options, bool needs_tokenizer) {
  ChosenCheckpoint chosen;
  if (!options.config.path.empty()) {
    chosen.config = options.config.load();
    chosen.path = options.checkpoint.empty() ? newest_of_run(chosen.config) : options.checkpoint;
    if (needs_tokenizer && !options.config.sets("data.tokenizer")) replace_absent_tokenizer(chosen);
    return chosen;
  }
  if (options.checkpoint.empty()) {
    throw ConfigError(
        "CONFIG is missing; name a configuration file, or a checkpoint with --checkpoint");
  }
  chosen.path = options.checkpoint;
  const CheckpointReader reader(chosen.path);
  chosen.config = parse_config(reader.config_yaml(), chosen.path + "'s configuration",
                               with_derived(options.config));
  chosen.converted = convert::origin_of_state(reader.state_json()).family.has_value();
  if (needs_tokenizer) find_tokenizer(chosen, reader, options.config);
  return chosen;
}

}  // namespace sy
