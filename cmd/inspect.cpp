#include <cstdio>
#include <memory>

#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "cmd/inspect_shard.h"
#include "cmd/json_text.h"
#include "lib/checkpoint/checkpoint.h"
#include "lib/data/loader.h"

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

std::string file_json(const char* key, const std::string& name, int64_t bytes, uint64_t checksum) {
  return fmt::format(R"({{"{}": {}, "bytes": {}, "xxh3": "{}"}})", key, json_string(name), bytes,
                     hex(checksum));
}

void print_json(const CheckpointReader& checkpoint) {
  std::vector<std::string> files, shards;
  for (const auto& file : checkpoint.files()) {
    files.push_back(file_json("name", file.name, file.bytes, file.checksum));
  }
  for (const DataShard& shard : checkpoint.data_shards()) {
    shards.push_back(file_json("path", shard.path, shard.bytes, shard.checksum));
  }
  std::vector<std::string> tensors;
  for (const auto& tensor : checkpoint.tensors()) {
    tensors.push_back(fmt::format(R"({{"name": {}, "dtype": "{}", "shape": {}}})",
                                  json_string(tensor.name), name_of(tensor.dtype),
                                  tensor.global.str()));
  }
  fmt::print(
      "{{\"step\": {}, \"parameters\": {}, \"state\": {}, \"files\": [{}], \"data_shards\": [{}], "
      "\"streams\": {}, \"tensors\": [{}]}}\n",
      checkpoint.step(), parameter_count(checkpoint), checkpoint.state_json(),
      fmt::join(files, ", "), fmt::join(shards, ", "), json_array(checkpoint.stream_names()),
      fmt::join(tensors, ", "));
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
  const CheckpointReader checkpoint(options.path);
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

struct DataOptions {
  int64_t examples = 1, first = 0;
  bool validation = false;
};

// Runs the order from its beginning: the examples before `first` are made and passed over.
ExitCode inspect_data(const ConfigOptions& config_options, const DataOptions& options) {
  RunConfig config = config_options.load();
  const auto tokenizer =
      std::make_shared<const Tokenizer>(config.data.tokenizer, config.data.extra_ids);
  resolve_config(config, tokenizer->info());
  const int64_t batch =
      options.validation ? config.train.eval_sequences : config.train.global_batch;
  LoaderPlace place;
  place.num_streams = place.total_streams = config.data.streams;
  place.examples_per_stream = batch / config.data.streams;
  if (options.validation) config.data.shuffle_buffer = config.data.example_buffer = 1;
  Loader loader(config.data, options.validation ? config.data.validation : config.data.train, place,
                static_cast<uint64_t>(config.run.seed), tokenizer);
  const int64_t end = options.first + options.examples;
  for (int64_t seen = 0; seen < end; seen += batch) {
    for (const Example& example : loader.next()) {
      if (example.index < options.first || example.index >= end) continue;
      fmt::print("{{\"index\": {}, \"stream\": {}, \"inputs\": {}, \"targets\": {}}}\n",
                 example.index, example.stream, json_array(example.inputs),
                 json_array(example.targets));
    }
  }
  return ExitCode::done;
}

Run setup_data(CLI::App& app) {
  auto config = add_config_options(app);
  auto options = std::make_shared<DataOptions>();
  app.add_option("--examples", options->examples, "how many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--first", options->first, "global number of the first")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("--validation", options->validation, "of the validation shards");
  return [config, options] { return inspect_data(*config, *options); };
}

}  // namespace

Run setup_inspect(CLI::App& app) {
  CLI::App* data =
      app.add_subcommand("data", "training examples as JSON lines, in the run's order");
  const Run run_data = setup_data(*data);
  CLI::App* shard = app.add_subcommand("shard", "what data shards hold");
  const Run run_shard = setup_inspect_shard(*shard);
  app.require_subcommand(0, 1);
  auto options = std::make_shared<CheckpointOptions>();
  app.add_option("CHECKPOINT", options->path, "a checkpoint's folder");
  app.add_flag("--verify", options->verify, "recompute every checksum");
  app.add_flag("--json", options->json, "one JSON object");
  return [=] {
    if (data->parsed()) return run_data();
    if (shard->parsed()) return run_shard();
    if (options->path.empty()) {
      throw ConfigError("inspect: name a checkpoint's folder, `data CONFIG` or `shard FILE`");
    }
    return inspect_checkpoint(*options);
  };
}

}  // namespace sy
