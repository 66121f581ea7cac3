#include "lib/data/tokenizer/tokenizer.h"

#include <cstdio>
#include <fstream>
#include <memory>

#include "cmd/commands.h"
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
  const Tokenizer tokenizer(options.model, options.extra_ids);
  const auto print = [&](const std::string& text) {
    const Json object{{"ids", tokenizer.encode(text)}, {"pieces", tokenizer.pieces(text)}};
    fmt::print("{}\n", json_line(object));
  };
  for (const std::string& text : options.texts) print(text);
  if (options.lines.empty()) return ExitCode::done;
  std::ifstream file(options.lines);
  if (!file)
    throw DataError(fmt::format("--lines {}: cannot be opened; name a text file", options.lines));
  for (std::string line; std::getline(file, line);) print(line);
  return ExitCode::done;
}

Run setup_show(CLI::App& app) {
  auto options = std::make_shared<ShowOptions>();
  app.add_option("MODEL", options->model, "SentencePiece model")->required();
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

Run setup_train(CLI::App& app) {
  auto options = std::make_shared<TrainTokenizerOptions>();
  app.add_option("--shards", options->shards, "globs of shards")->required();
  app.add_option("--output", options->output, "path of the model")->required();
  app.add_option("--vocab-size", options->vocab_size, "pieces, sentinels not counted")
      ->capture_default_str();
  app.add_option("--max-sentences", options->max_sentences, "lines of text to learn from, at most")
      ->capture_default_str();
  return [options] {
    train_tokenizer(*options);
    fmt::print("{}: {} pieces\n", options->output, options->vocab_size);
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
