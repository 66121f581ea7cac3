// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>

#include "cmd/commands.h"
#include "cmd/decoding.h"
#include "cmd/numbers.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/generate/infill.h"
#include "lib/generate/likelihood.h"
#include "lib/tasks/json_lines.h"

namespace sy {
namespace {

struct LikelihoodOptions {
  std::string requests;
  int64_t batch = 0;  // 0: train.micro_batch
};

struct Requests {
  std::vector<std::string> places;
  Prompts contexts, continuations;
};

// As lm-evaluation-harness cuts a pair for an encoder-decoder: blanks at the end of the context
// begin the continuation, the context ends with eos, and the continuation with its last token.
Requests read_requests(const std::string& path, const Tokenizer& tokenizer) {
  Requests requests;
  for_each_json_line(
      path, R"({"context": "text", "continuation": "text"})", [&](const JsonLine& line) {
        std::string context = line.text(line.at("context"));
        std::string continuation = line.text(line.at("continuation"));
        const size_t end = context.find_last_not_of(" \t\r\n") + 1;
        continuation.insert(0, context, end);
        context.resize(end);
        requests.places.push_back(line.place());
        requests.contexts.push_back(infill_prompt(tokenizer, context));
        requests.continuations.push_back(tokenizer.encode(continuation));
        if (requests.continuations.back().empty()) {
          throw DataError(fmt::format("{}: the continuation has no token", line.place()));
        }
      });
  return requests;
}

GenerateOptions decoding_options(const LikelihoodOptions& given, const RunConfig& config,
                                 const Requests& requests) {
  GenerateOptions options;
  options.batch = given.batch > 0 ? given.batch : config.train.micro_batch;
  options.batch = std::min(options.batch, std::ssize(requests.contexts));
  for (const std::vector<int32_t>& continuation : requests.continuations) {
    options.max_length = std::max(options.max_length, std::ssize(continuation));
  }
  options.start = special_ids(config.model).start;
  return options;
}

ExitCode run_loglikelihood(const LikelihoodOptions& given, const CheckpointOptions& source) {
  ChosenCheckpoint chosen = choose_checkpoint(source);
  RunConfig& config = chosen.config;
  if (config.data.format == DataFormat::ids) {
    throw ConfigError(
        "loglikelihood: the model was trained on bare ids (data.format: ids), so it reads no text");
  }
  const Tokenizer tokenizer(config.data.tokenizer, config.data.extra_ids);
  resolve_config(config, tokenizer.info());
  const Requests requests = read_requests(given.requests, tokenizer);
  if (requests.contexts.empty()) return ExitCode::done;
  const GenerateOptions options = decoding_options(given, config, requests);
  const int64_t length = encoder_length(chosen, source, requests.contexts, requests.places);
  DecodingModel model(chosen, options, length, /*usable=*/0);
  const std::vector<Likelihood> likelihoods = target_likelihoods(
      model.logits(), requests.contexts, requests.continuations, options.batch, options.start);
  if (log::rank() != 0) return ExitCode::done;
  for (const Likelihood& likelihood : likelihoods) {
    const Json object{{"log_likelihood", likelihood.log_likelihood},
                      {"is_greedy", likelihood.greedy},
                      {"log_probs", likelihood.log_probs}};
    fmt::print("{}\n", json_line(object));
  }
  return ExitCode::done;
}

}  // namespace

Run setup_loglikelihood(CLI::App& app) {
  auto source = add_checkpoint_options(app);
  auto options = std::make_shared<LikelihoodOptions>();
  app.add_option("--requests", options->requests,
                 "JSON lines: {\"context\": \"text\", \"continuation\": \"text\"}; one JSON object "
                 "comes out for each: log_likelihood, is_greedy, log_probs of the tokens")
      ->type_name("FILE")
      ->required();
  app.add_option("--batch", options->batch,
                 "requests that are processed together; default: train.micro_batch")
      ->check(whole_number());
  return [source, options] { return run_loglikelihood(*options, *source); };
}

}  // namespace sy
