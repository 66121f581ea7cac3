// SPDX-License-Identifier: Apache-2.0
#include "lib/data/tokenizer/tokenizer.h"

#include <cstdio>
#include <memory>

#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "cmd/option_checks.h"
#include "cmd/text_lines.h"
#include "lib/base/json.h"
#include "lib/data/tokenizer/tokenizer_train.h"

namespace sy {
namespace {

struct ShowOptions {
  std::string model;
  std::vector<std::string> texts;
  std::string lines;
  int64_t extra_ids = 100;
};

ExitCode show(const ShowOptions& options) {
  if (options.extra_ids < 0) {
    throw ConfigError(
        fmt::format("--extra-ids: {} is out of range; give how many sentinels there are, 0 or more",
                    options.extra_ids));
  }
  check_tokenizer_file(options.model, "MODEL, or give the word bytes");
  const Tokenizer tokenizer(options.model, options.extra_ids);
  const auto print = [&](const std::string& text) {
    const Json object{{"ids", tokenizer.encode(text)}, {"pieces", tokenizer.pieces(text)}};
    fmt::print("{}\n", json_line(object));
  };
  for (const std::string& text : options.texts) print(text);
  if (options.lines.empty()) return ExitCode::done;
  for_each_line(options.lines, [&](const std::string& line, const auto&) { print(line); });
  return ExitCode::done;
}

Run setup_show(CLI::App& app) {
  auto options = std::make_shared<ShowOptions>();
  app.add_option("MODEL", options->model, "SentencePiece model, or the word bytes")->required();
  app.add_option("--text", options->texts, "a text; may be repeated")
      ->allow_extra_args(false);  // else CLI11 takes "[a,b]" for two texts
  app.add_option("--lines", options->lines, "a file with a text on each line");
  app.add_option("--extra-ids", options->extra_ids,
                 "sentinels, appended where the model lacks them")
      ->capture_default_str();
  return [options] {
    if (options->texts.empty() && options->lines.empty()) {
      throw ConfigError("tokenizer show: nothing to show; give --text or --lines");
    }
    return show(*options);
  };
}

// What was read of the shards and what was left.
void print_training(const TrainTokenizerOptions& options, const TokenizerTraining& training) {
  constexpr size_t kMostNamed = 20;
  int64_t sentences = 0, bytes = 0, left = 0, unread = 0;
  for (const SampledShard& shard : training.shards) {
    sentences += shard.sentences;
    bytes += shard.bytes;
    left += shard.whole ? 0 : 1;
    unread += shard.whole || shard.sentences > 0 ? 0 : 1;
  }
  fmt::print("{}: {} pieces from {} sentences ({} bytes) of {} shards\n", options.output,
             options.vocab_size, sentences, bytes, training.shards.size());
  for (const SampledShard& shard : training.shards) {
    if (training.shards.size() > kMostNamed) break;
    fmt::print("  {}: {} sentences, {}\n", shard.path, shard.sentences,
               shard.whole ? "all of it" : "the rest is left");
  }
  if (left > 0) {
    fmt::print(
        "  {} shards have more text than was used, {} were not read at all: --max-sentences {} or "
        "--max-bytes {} was reached\n",
        left, unread, options.max_sentences, options.max_bytes);
  }
  if (training.counters.bad() > 0) {
    fmt::print("  {} bad records were skipped beside {} documents\n", training.counters.bad(),
               training.counters.documents);
  }
}

Run setup_train(CLI::App& app) {
  auto options = std::make_shared<TrainTokenizerOptions>();
  auto config = std::make_shared<ConfigOptions>();
  app.add_option("--shards", options->shards, "shards, or globs of shards");
  app.add_option(
      "--weights", options->weights,
      "share of the text to take from each pattern of --shards, in order; files share by "
      "their size, as all do without --weights");
  app.add_option("--config", config->path,
                 "instead of --shards: a configuration whose training text is used, each of "
                 "data.corpora with its share of data.mixture")
      ->excludes("--shards")
      ->excludes("--weights");
  app.add_option("--set", config->overrides, "with --config: key.path=value; repeatable")
      ->needs("--config")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--text-key", options->text_key, "key of a record under which its text is")
      ->capture_default_str();
  app.add_option("--output", options->output, "path of the model")->required();
  app.add_option("--vocab-size", options->vocab_size, "pieces, sentinels not counted")
      ->capture_default_str();
  app.add_option("--max-sentences", options->max_sentences,
                 "lines of text to learn from, at most, drawn from all shards")
      ->capture_default_str();
  app.add_option("--max-bytes", options->max_bytes, "bytes of text to learn from, at most")
      ->capture_default_str();
  app.add_option("--character-coverage", options->character_coverage,
                 "share of the text's characters that get a piece; for scripts of thousands of "
                 "characters less than 1")
      ->capture_default_str();
  app.add_flag("--byte-fallback", options->byte_fallback,
               "spell other characters as bytes (256 pieces more) instead of <unk>");
  app.add_option("--user-symbol", options->user_symbols,
                 "a text that is always one piece, such as <sep>; may be repeated")
      ->allow_extra_args(false);
  return [options, config] {
    if (options->shards.empty() && config->path.empty()) {
      throw ConfigError("tokenizer train: no text to train on; give --shards or --config");
    }
    if (!config->path.empty()) set_text(*options, config->load().data);
    print_training(*options, train_tokenizer(*options));
    return ExitCode::done;
  };
}

}  // namespace

Run setup_tokenizer(CLI::App& app) {
  app.require_subcommand(1);
  CLI::App* train = app.add_subcommand("train", "trains a SentencePiece model on shards");
  CLI::App* show_app = app.add_subcommand("show", "ids and pieces of texts, one JSON object each");
  const Run run_train = setup_train(*train), run_show = setup_show(*show_app);
  return [train, run_train, run_show] { return train->parsed() ? run_train() : run_show(); };
}

}  // namespace sy
