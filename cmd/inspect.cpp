// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <cstdio>
#include <memory>

#include "cmd/commands.h"
#include "cmd/config_options.h"
#include "lib/base/json.h"
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
  const std::shared_ptr<const Tokenizer> tokenizer = open_tokenizer(config);
  resolve_config(config, tokenizer->info());
  const int64_t batch =
      options.validation ? config.train.eval_sequences : config.train.global_batch;
  LoaderPlace place;
  place.num_streams = place.total_streams = config.data.streams;
  place.examples_per_stream = batch / config.data.streams;
  place.single_pass = options.validation;  // as an evaluation reads it
  if (options.validation) config.data.shuffle_buffer = config.data.example_buffer = 1;
  Loader loader(config.data, options.validation ? config.data.validation : config.data.train, place,
                static_cast<uint64_t>(config.run.seed), tokenizer);
  const int64_t end = options.first + options.examples;
  for (int64_t seen = 0; seen < end; seen += batch) {
    bool ended = true;
    for (const Example& example : loader.next()) {
      if (example.inputs.empty()) continue;
      ended = false;
      if (example.index < options.first || example.index >= end) continue;
      Json object{{"index", example.index},
                  {"stream", example.stream},
                  {"inputs", example.inputs},
                  {"targets", example.targets}};
      if (!example.input_ends.empty()) {
        object["input_ends"] = example.input_ends;
        object["target_ends"] = example.target_ends;
      }
      if (config.data.objective == Objective::ul2) {
        const auto drawn = static_cast<size_t>(example.denoiser);
        object["denoiser"] = config.data.denoisers.at(drawn).name;
      }
      fmt::print("{}\n", json_line(object));
    }
    if (ended) break;
  }
  return ExitCode::done;
}

Run setup_data(CLI::App& app) {
  auto config = add_config_options(app);
  auto options = std::make_shared<DataOptions>();
  app.add_option("--examples", options->examples, "number of examples")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--first", options->first, "global index of the first example")
      ->check(CLI::NonNegativeNumber)
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
