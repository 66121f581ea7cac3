// SPDX-License-Identifier: Apache-2.0
// Runs of a tiny dense model on the sample, of 30 steps unless it is set otherwise, one folder for
// all runs of a test.
#pragma once

#include <catch2/catch.hpp>

#include <fmt/format.h>
#include <simdjson.h>

#include <filesystem>
#include <sstream>

#include "tests/cli/program.h"
#include "tests/support/sample.h"
#include "tests/support/shared_files.h"

namespace sy::test {

// A tiny model on the sample, in `folder`.
inline std::string write_config(const std::string& folder) {
  const std::string path = folder + "/tiny.yaml";
  write_file(path, fmt::format(R"(
run: {{directory: runs, threads: 1}}
backend: cpu
model: {{d_model: 16, d_kv: 8, num_heads: 2, d_ff: 32, encoder_layers: 2, decoder_layers: 2,
        experts: {{count: 0}}}}
data: {{train: ["{}"], validation: ["{}"], tokenizer: "{}", encoder_length: 32, streams: 2,
       shuffle_buffer: 8, example_buffer: 8}}
optimizer: {{warmup_steps: 10, learning_rate: 0.3}}
train: {{steps: 30, global_batch: 8, micro_batch: 4, log_every: 1, eval_every: 0, eval_sequences: 8,
        checkpoint_every: 0}}
)",
                               sample().train, sample().validation, sample().tokenizer));
  return path;
}

class Runs {
 public:
  Outcome pretrain(const std::string& name, const std::vector<std::string>& sets,
                   const std::string& resume = "auto") const {
    return train("pretrain", name, sets, resume);
  }
  Outcome train(const std::string& command, const std::string& name,
                const std::vector<std::string>& sets, const std::string& resume = "auto") const {
    std::vector<std::string> arguments{command,    config_, "--set", "run.name=" + name,
                                       "--resume", resume};
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    return run_program(arguments, folder_);
  }
  Outcome run(const std::vector<std::string>& arguments) const {
    return run_program(arguments, folder_);
  }
  // The logged losses, of steps 1, 2, ...
  std::vector<double> losses(const std::string& name) const { return logged(name, "loss"); }
  // A field of their lines.
  std::vector<double> logged(const std::string& name, const char* field) const {
    std::vector<double> all;
    std::istringstream lines(read_file(folder_ + "/runs/" + name + "/metrics.jsonl"));
    simdjson::dom::parser parser;
    for (std::string line; std::getline(lines, line);) {
      const simdjson::dom::element object = parser.parse(line);
      CHECK(int64_t(object["step"]) == static_cast<int64_t>(all.size()) + 1);
      all.push_back(double(object[field]));
    }
    return all;
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_ = temporary_folder();
  std::string config_ = write_config(folder_);
};

inline double mean(const std::vector<double>& values, size_t first, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += values.at(first + i);
  return sum / static_cast<double>(count);
}

}  // namespace sy::test
