// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "cmd/inspect_checkpoints.h"
#include "cmd/numbers.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/locate.h"
#include "lib/checkpoint/verify.h"
#include "lib/data/corpora.h"
#include "lib/data/loader.h"
#include "lib/tasks/open_examples.h"
#include "lib/train/log/run_ledger.h"

namespace sy {
namespace {

struct CheckpointOptions {
  std::string path;
  bool verify = false, json = false;
};

int64_t parameter_count(const CheckpointReader& checkpoint) {
  int64_t count = 0;
  for (const auto& tensor : checkpoint.tensors()) {
    if (tensor.name.starts_with("parameters/")) count += tensor.global.numel();
  }
  return count;
}

std::string hex(uint64_t checksum) {
  return fmt::format("{:016x}", checksum);
}

Json file_json(const char* key, const std::string& name, int64_t bytes, uint64_t checksum) {
  return {{key, name}, {"bytes", bytes}, {"xxh3", hex(checksum)}};
}

Json tensor_json(const CheckpointReader::Entry& tensor) {
  Json shape = Json::array();
  for (int axis = 0; axis < tensor.global.rank(); ++axis) shape.push_back(tensor.global[axis]);
  return {{"name", tensor.name}, {"dtype", name_of(tensor.dtype)}, {"shape", shape}};
}

void print_json(const CheckpointReader& checkpoint) {
  constexpr JsonLimits kStateLimits{.bytes = 1 << 20, .depth = 8};
  Json files = Json::array(), shards = Json::array(), tensors = Json::array();
  for (const auto& file : checkpoint.files()) {
    files.push_back(file_json("name", file.name, file.bytes, file.checksum));
  }
  for (const DataShard& shard : checkpoint.data_shards()) {
    shards.push_back(file_json("path", shard.path, shard.bytes, shard.checksum));
    if (!shard.corpus.empty()) shards.back()["corpus"] = shard.corpus;
  }
  for (const auto& tensor : checkpoint.tensors()) tensors.push_back(tensor_json(tensor));
  const Json state = parse_json(checkpoint.state_json(), "the checkpoint's state", kStateLimits);
  const Json object{{"step", checkpoint.step()},
                    {"parameters", parameter_count(checkpoint)},
                    {"state", state},
                    {"files", files},
                    {"data_shards", shards},
                    {"streams", checkpoint.stream_names()},
                    {"tensors", tensors}};
  fmt::print("{}\n", json_line(object));
}

void print_table(const CheckpointReader& checkpoint) {
  fmt::print("step {}, {} parameters, {} data streams\n", checkpoint.step(),
             parameter_count(checkpoint), checkpoint.stream_names().size());
  for (const auto& file : checkpoint.files()) {
    fmt::print("  file {:<59} {:>12} bytes  xxh3 {}\n", file.name, file.bytes, hex(file.checksum));
  }
  for (const DataShard& shard : checkpoint.data_shards()) {
    fmt::print("  data {:<59} {:>12} bytes  xxh3 of its ends {}\n", shard.path, shard.bytes,
               hex(shard.checksum));
  }
  for (const auto& tensor : checkpoint.tensors()) {
    fmt::print("  {:<64} {:<8} {}\n", tensor.name, name_of(tensor.dtype), tensor.global.str());
  }
}

ExitCode inspect_checkpoint(const CheckpointOptions& options) {
  if (options.verify && !checkpoints_under(options.path).empty()) {
    return inspect_checkpoints(options.path, options.json);
  }
  const std::string path = locate_checkpoint(options.path);
  if (path != options.path) {
    log::warn("this is the newest checkpoint of {}: {}", options.path, path);
  }
  const CheckpointReader checkpoint(path);
  if (options.json) {
    print_json(checkpoint);
  } else {
    print_table(checkpoint);
  }
  if (!options.verify) return ExitCode::done;
  const std::vector<std::string> faults = checkpoint.verify();
  if (!faults.empty()) throw DataError(fmt::format("{}", fmt::join(faults, "\n")));
  std::fputs("every checksum agrees\n", options.json ? stderr : stdout);
  return ExitCode::done;
}

std::string ledger_of(const std::string& folder) {
  return folder + "/ledger.jsonl";
}

ExitCode inspect_run(const CheckpointOptions& options) {
  const Goodput goodput = read_ledger(ledger_of(options.path));
  fmt::print("{}", options.json ? goodput_json(goodput) + "\n" : goodput_table(goodput));
  return ExitCode::done;
}

struct DataOptions {
  int64_t examples = 1, first = 0;
  bool validation = false;
};

// The example, with the name of its corpus unless that is empty.
void print_example(const Example& example, const DataSection& data, const std::string& corpus) {
  Json object{{"index", example.index}, {"stream", example.stream}};
  if (!corpus.empty()) object["corpus"] = corpus;
  object["inputs"] = example.inputs;
  object["targets"] = example.targets;
  if (!example.input_ends.empty()) {
    object["input_ends"] = example.input_ends;
    object["target_ends"] = example.target_ends;
  }
  if (!data.tasks.empty()) {
    object["task"] = data.tasks.at(static_cast<size_t>(example.part)).name;
  } else if (data.objective == Objective::ul2) {
    object["denoiser"] = data.denoisers.at(static_cast<size_t>(example.denoiser)).name;
  }
  fmt::print("{}\n", json_line(object));
}

// Prints the examples of `options`. Runs the order from its beginning: the examples before `first`
// are made and passed over.
template <class CorpusOf>
void print_examples(Loader& loader, const DataSection& data, const DataOptions& options,
                    const CorpusOf& corpus_of) {
  const int64_t end = options.first + options.examples;
  for (int64_t seen = 0; seen < end;) {
    const std::vector<Example>& batch = loader.next();
    seen += std::ssize(batch);
    bool ended = true;
    for (const Example& example : batch) {
      if (example.inputs.empty()) continue;
      ended = false;
      if (example.index < options.first || example.index >= end) continue;
      print_example(example, data, corpus_of(example));
    }
    if (ended) break;
  }
}

LoaderPlace place_for(const DataSection& data, int64_t batch) {
  LoaderPlace place;
  place.num_streams = place.total_streams = data.streams;
  place.examples_per_stream = batch / data.streams;
  return place;
}

// As an evaluation reads it: each corpus on its own, once.
void print_validation(const RunConfig& config, const DataOptions& options,
                      const std::shared_ptr<const Tokenizer>& tokenizer) {
  DataSection data = config.data;
  data.shuffle_buffer = data.example_buffer = 1;
  LoaderPlace place = place_for(data, config.train.eval_sequences);
  place.single_pass = true;
  const auto seed = static_cast<uint64_t>(config.run.seed);
  for (const Corpus& corpus : find_corpora(data, Split::validation)) {
    Loader loader(open_examples(data, {Corpus{"", corpus.shards}}, place, seed, tokenizer), place,
                  data.loader_threads, data.read_ahead_batches);
    print_examples(loader, data, options, [&](const Example&) { return corpus.name; });
  }
}

ExitCode inspect_data(const ConfigOptions& config_options, const DataOptions& options) {
  RunConfig config = config_options.load();
  const std::shared_ptr<const Tokenizer> tokenizer = open_tokenizer(config);
  resolve_config(config, tokenizer->info());
  if (options.validation) {
    print_validation(config, options, tokenizer);
    return ExitCode::done;
  }
  const LoaderPlace place = place_for(config.data, config.train.global_batch);
  Loader loader(open_examples(config.data, find_corpora(config.data, Split::train), place,
                              static_cast<uint64_t>(config.run.seed), tokenizer),
                place, config.data.loader_threads, config.data.read_ahead_batches);
  print_examples(loader, config.data, options, [&](const Example& example) {
    const auto part = static_cast<size_t>(example.part);
    return config.data.corpora.empty() ? std::string() : config.data.corpora.at(part).name;
  });
  return ExitCode::done;
}

Run setup_data(CLI::App& app) {
  auto config = add_config_options(app);
  auto options = std::make_shared<DataOptions>();
  app.add_option("--examples", options->examples,
                 "number of examples; with --validation, of each corpus")
      ->check(whole_number())
      ->capture_default_str();
  app.add_option("--first", options->first, "global index of the first example")
      ->check(whole_number(0))
      ->capture_default_str();
  app.add_flag("--validation", options->validation,
               "read the validation shards, as an evaluation does");
  return [config, options] { return inspect_data(*config, *options); };
}

}  // namespace

Run setup_inspect(CLI::App& app) {
  CLI::App* data =
      app.add_subcommand("data", "training examples as JSON lines, in the run's order");
  const Run run_data = setup_data(*data);
  CLI::App* shard = app.add_subcommand("shard", "what data shards hold");
  const Run run_shard = setup_inspect_shard(*shard);
  CLI::App* task = app.add_subcommand("task", "what a task's files become, as JSON lines");
  const Run run_task = setup_inspect_task(*task);
  app.require_subcommand(0, 1);
  auto options = std::make_shared<CheckpointOptions>();
  app.add_option(
      "FOLDER", options->path,
      "a checkpoint's folder, or a run's, for how its time was spent; with --verify also "
      "one of checkpoints");
  app.add_flag("--verify", options->verify,
               "recompute every checksum; of several checkpoints, print a line each");
  app.add_flag("--json", options->json, "one JSON object");
  return [=] {
    if (data->parsed()) return run_data();
    if (shard->parsed()) return run_shard();
    if (task->parsed()) return run_task();
    if (options->path.empty()) {
      throw ConfigError(
          "inspect: name the folder of a checkpoint or a run, `data CONFIG`, `shard FILE` or `task "
          "FORM FILE`");
    }
    const bool of_run = std::filesystem::exists(ledger_of(options->path));
    return of_run && !options->verify ? inspect_run(*options) : inspect_checkpoint(*options);
  };
}

}  // namespace sy
