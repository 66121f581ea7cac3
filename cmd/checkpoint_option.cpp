// SPDX-License-Identifier: Apache-2.0
#include "cmd/checkpoint_option.h"

#include <filesystem>

#include "lib/checkpoint/locate.h"
#include "lib/convert/checkpoint_source.h"
#include "lib/dist/launcher.h"
#include "lib/dist/share_texts.h"
#include "lib/train/run_folder.h"

namespace sy {
namespace {

std::string newest_of_run(const RunConfig& config) {
  const std::string folder = RunFolder(config).checkpoints;
  std::string path = newest_checkpoint(folder);
  if (path.empty()) {
    throw DataError(fmt::format(
        "{} has no committed checkpoint: train first, or give one with --checkpoint", folder));
  }
  return path;
}

// A stored configuration is resolved. With another encoder length, the lengths that follow from it
// are derived again.
std::vector<std::string> with_derived(const ConfigOptions& options) {
  std::vector<std::string> overrides;
  if (options.sets("data.encoder_length")) {
    overrides = {"data.window_tokens=auto", "data.decoder_length=auto"};
  }
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  return overrides;
}

// Finds the tokenizer of a checkpoint that is read with its own configuration.
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
        fmt::format("{} has no tokenizer: give its SentencePiece model with --set "
                    "data.tokenizer=FILE, or copy it there as spiece.model",
                    chosen.path));
  }
}

// CONFIG names a tokenizer; if that file does not exist, the checkpoint's own is used.
void replace_absent_tokenizer(ChosenCheckpoint& chosen, const CheckpointReader& reader) {
  std::string& tokenizer = chosen.config.data.tokenizer;
  if (is_byte_tokenizer(tokenizer) || std::filesystem::exists(tokenizer)) return;
  const std::string stored = reader.tokenizer();
  if (!stored.empty()) tokenizer = stored;
}

void warn_once(const ChosenCheckpoint& chosen, const CheckpointReader& reader) {
  if (launched_rank() == 0) warn_of_other_tokenizer(chosen.config.data.tokenizer, reader);
}

// Special ids that CONFIG leaves to the tokenizer are those that the model was trained with.
void adopt_ids(ModelSection& model, const ModelSection& stored) {
  if (model.pad_id.is_auto) model.pad_id = stored.pad_id;
  if (model.eos_id.is_auto) model.eos_id = stored.eos_id;
  if (model.start_id.is_auto) model.start_id = stored.start_id;
}

}  // namespace

std::shared_ptr<CheckpointOptions> add_checkpoint_options(CLI::App& app) {
  auto options = std::make_shared<CheckpointOptions>();
  add_config_options(app, options->config);
  app.get_option("CONFIG")->required(false)->description(
      "configuration file (YAML); default: the checkpoint's own configuration");
  app.add_option("--checkpoint", options->checkpoint,
                 "folder of a checkpoint, or of a run (its newest checkpoint); default: the newest "
                 "of CONFIG's run");
  return options;
}

ChosenCheckpoint choose_checkpoint(const CheckpointOptions& options, bool needs_tokenizer) {
  ChosenCheckpoint chosen;
  if (!options.config.path.empty()) {
    chosen.config = options.config.load();
    chosen.path = options.checkpoint.empty() ? newest_of_run(chosen.config)
                                             : locate_checkpoint(options.checkpoint);
    const CheckpointReader reader(chosen.path);
    adopt_ids(chosen.config.model, parse_config(reader.config_yaml(), chosen.path).model);
    needs_tokenizer = needs_tokenizer && chosen.config.data.format == DataFormat::text;
    if (needs_tokenizer && !options.config.sets("data.tokenizer")) {
      replace_absent_tokenizer(chosen, reader);
    }
    if (needs_tokenizer) warn_once(chosen, reader);
    return chosen;
  }
  if (options.checkpoint.empty()) {
    throw ConfigError(
        "CONFIG is missing; give a configuration file, or a checkpoint with --checkpoint");
  }
  chosen.path = locate_checkpoint(options.checkpoint);
  const CheckpointReader reader(chosen.path);
  chosen.config = parse_config(reader.config_yaml(), chosen.path + "'s configuration",
                               with_derived(options.config));
  chosen.converted = convert::origin_of_state(reader.state_json()).family.has_value();
  if (needs_tokenizer && chosen.config.data.format == DataFormat::text) {
    find_tokenizer(chosen, reader, options.config);
    warn_once(chosen, reader);
  }
  return chosen;
}

std::string path_for_all(const ChosenCheckpoint& chosen, Communicator& world) {
  return share_texts({chosen.path}, world).front();
}

}  // namespace sy
