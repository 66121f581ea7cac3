// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/infill.h"

#include <cstdio>

#include "cmd/commands.h"
#include "cmd/decoding.h"
#include "cmd/infill_input.h"
#include "cmd/numbers.h"
#include "cmd/option_checks.h"
#include "lib/base/json.h"
#include "lib/base/log.h"

namespace sy {
namespace {

const Choices<Strategy> kStrategies{
    {"greedy", Strategy::greedy}, {"sample", Strategy::sample}, {"beam", Strategy::beam}};

struct InfillOptions {
  std::vector<std::string> texts;
  std::string lines, ids, mode;
  bool json = false;
  GenerateOptions generate;  // max_length, batch and seed as given: see complete()
};

void add_inputs(CLI::App& app, InfillOptions& options) {
  app.add_option(
         "--text", options.texts,
         "a text with <extra_id_0>, <extra_id_1>, ... for its blanks, or a text to continue; "
         "repeatable")
      ->allow_extra_args(false);  // else CLI11 takes "[a,b]" for two texts
  app.add_option("--lines", options.lines, "a file with a text per line; -: standard input")
      ->type_name("FILE");
  app.add_option(
         "--ids", options.ids,
         "a file with {\"inputs\": [token ids]} per line; prints ids and needs no tokenizer")
      ->type_name("FILE");
  app.add_option("--mode", options.mode,
                 "data.objective: ul2: name of the denoiser whose mode token the prompt begins "
                 "with; default: the first that fits the text");
  app.add_flag("--json", options.json,
               "one JSON object per text: text, filled, output, ids, score, log_probs of the ids "
               "(--ids: ids, score, log_probs)");
}

void add_search(CLI::App& app, GenerateOptions& options) {
  take_choices(app.add_option("--strategy", options.strategy,
                              "how to search for the most likely target (greedy)"),
               kStrategies);
  app.add_option("--temperature", options.temperature, "sample: divides the logits (1)");
  app.add_option("--top-p", options.top_p,
                 "sample: draw from the most likely tokens with this total probability (1)");
  app.add_option("--seed", options.seed, "sample: seed of the draws; default: run.seed")
      ->check(whole_number(0));
  app.add_option("--beams", options.beams, "beam: sequences that are kept at each step (4)");
  app.add_option("--length-penalty", options.length_penalty,
                 "beam: the log-probability is divided by the length to this power (1)");
  app.add_flag("--early-stopping", options.early_stopping,
               "beam: stop once --beams targets are finished");
  app.add_option("--max-length", options.max_length,
                 "maximum number of tokens of a target; default: data.decoder_length");
  app.add_option("--batch", options.batch,
                 "prompts that are processed together; default: train.micro_batch");
}

// Refuses options that would have no effect.
void check_options(const CLI::App& app, const InfillOptions& options) {
  for (const char* option : {"--temperature", "--top-p", "--seed"}) {
    check_use(app, option, options.generate.strategy == Strategy::sample, "--strategy sample");
  }
  for (const char* option : {"--beams", "--length-penalty", "--early-stopping"}) {
    check_use(app, option, options.generate.strategy == Strategy::beam, "--strategy beam");
  }
  check_use(app, "--ids", options.texts.empty() && options.lines.empty(),
            "prompts of token ids (without --text and --lines)");
  if (!options.mode.empty() && !options.ids.empty()) {
    throw ConfigError(
        "--mode applies to prompts of text only; with --ids, begin them with the token's id");
  }
  if (options.texts.empty() && options.lines.empty() && options.ids.empty()) {
    throw ConfigError("infill: nothing to fill; give --text, --lines or --ids");
  }
}

// Takes from the configuration what the command line leaves out.
GenerateOptions complete(const CLI::App& app, const InfillOptions& given, const RunConfig& config) {
  GenerateOptions options = given.generate;
  if (app.count("--max-length") == 0) options.max_length = config.data.decoder_length.value;
  if (app.count("--batch") == 0) options.batch = config.train.micro_batch;
  if (app.count("--seed") == 0) options.seed = static_cast<uint64_t>(config.run.seed);
  const SpecialIds ids = special_ids(config.model);
  options.eos = ids.eos;
  options.start = ids.start;
  throw_errors(find_faults(options));
  return options;
}

void print(const Tokenizer* tokenizer, const InfillInput& input, size_t prompt,
           const Generated& target, bool json) {
  if (tokenizer == nullptr) {
    fmt::print(
        "{}\n",
        json_line({{"ids", target.ids}, {"score", target.score}, {"log_probs", target.log_probs}}));
    return;
  }
  const std::string& text = input.texts[prompt];
  const std::string output = target_text(*tokenizer, target.ids);
  const std::string filled = input.continued[prompt] ? continue_text(*tokenizer, text, target.ids)
                                                     : fill_blanks(*tokenizer, text, target.ids);
  if (!json) {
    fmt::print("{}\n  {}\n", filled, output);
    return;
  }
  const Json object{{"text", text},      {"filled", filled},      {"output", output},
                    {"ids", target.ids}, {"score", target.score}, {"log_probs", target.log_probs}};
  fmt::print("{}\n", json_line(object));
}

ExitCode run_infill(const CLI::App& app, const InfillOptions& given,
                    const CheckpointOptions& source) {
  check_options(app, given);
  ChosenCheckpoint chosen = choose_checkpoint(source, given.ids.empty());
  RunConfig& config = chosen.config;
  std::unique_ptr<const Tokenizer> tokenizer;
  if (given.ids.empty() && config.data.format == DataFormat::ids) {
    throw ConfigError(
        "infill: the model was trained on bare ids (data.format: ids), so give prompts with --ids");
  }
  if (given.ids.empty()) {
    tokenizer = std::make_unique<const Tokenizer>(config.data.tokenizer, config.data.extra_ids);
  }
  resolve_config(config, tokenizer == nullptr ? TokenizerInfo(0) : tokenizer->info());
  if (config.model.vocab_size.is_auto) {
    throw ConfigError(
        "model.vocab_size is auto, which needs the tokenizer: with --ids, give --checkpoint "
        "without CONFIG; the checkpoint stores the number");
  }
  GenerateOptions options = complete(app, given, config);
  const InfillInput input = tokenizer == nullptr
                                ? read_ids(given.ids, config.model.vocab_size.value)
                                : read_texts(*tokenizer, objective_options(config.data), given.mode,
                                             given.texts, given.lines);
  if (input.prompts.empty()) return ExitCode::done;
  const int64_t length = encoder_length(chosen, source, input.prompts, input.places);
  options.batch = std::min(options.batch, static_cast<int64_t>(input.prompts.size()));
  DecodingModel model(chosen, options, length, tokenizer == nullptr ? 0 : tokenizer->size());
  // Every rank finds the same targets, from the same logits.
  const auto show = [&](size_t first, std::span<const Generated> targets) {
    if (log::rank() != 0) return;
    for (size_t i = 0; i < targets.size(); ++i) {
      print(tokenizer.get(), input, first + i, targets[i], given.json);
    }
    std::fflush(stdout);
  };
  generate(model.logits(), input.prompts, options, show);
  return ExitCode::done;
}

}  // namespace

Run setup_infill(CLI::App& app) {
  auto source = add_checkpoint_options(app);
  auto options = std::make_shared<InfillOptions>();
  add_inputs(app, *options);
  add_search(app, options->generate);
  return [&app, source, options] { return run_infill(app, *options, *source); };
}

}  // namespace sy
