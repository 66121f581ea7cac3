// SPDX-License-Identifier: Apache-2.0
#include "cmd/decoding.h"

#include <algorithm>

#include "lib/base/numeric.h"

namespace sy {
namespace {

RunConfig one_model(RunConfig config, int ranks) {
  config.train.micro_batch = config.train.global_batch = 1;
  config.train.eval_sequences = config.data.streams = config.model.experts.group_sequences = 1;
  config.model.experts.group_tokens = {};
  config.mesh = {};
  config.mesh.model = ranks;
  config.model = without_draws(config.model);
  return config;
}

// At most `limit` (0: no limit).
int64_t fitting_length(const Prompts& prompts, const std::vector<std::string>& places,
                       int64_t limit) {
  constexpr int64_t kMultiple = 16;
  int64_t longest = 1;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const int64_t length = std::ssize(prompts[i]);
    if (limit > 0 && length > limit) {
      throw ConfigError(
          fmt::format("{} has {} tokens, but the model reads at most {} (data.encoder_length); "
                      "give a shorter text",
                      places[i], length, limit));
    }
    longest = std::max(longest, length);
  }
  const int64_t rounded = round_up(longest, kMultiple);
  return limit > 0 ? std::min(rounded, limit) : rounded;
}

}  // namespace

int64_t encoder_length(const ChosenCheckpoint& chosen, const CheckpointOptions& source,
                       const Prompts& prompts, const std::vector<std::string>& places) {
  const bool unlimited = chosen.converted && !source.config.sets("data.encoder_length");
  const int64_t limit = unlimited ? 0 : chosen.config.data.encoder_length;
  const int64_t fitting = fitting_length(prompts, places, limit);
  const ExpertsSection& experts = chosen.config.model.experts;
  const bool by_factor = experts.count > 0 && experts.capacity == CapacityMode::factor;
  return by_factor && limit > 0 ? limit : fitting;
}

DecodingModel::DecodingModel(const ChosenCheckpoint& chosen, const GenerateOptions& options,
                             int64_t encoder_length, int64_t usable)
    : parallel_(chosen.config.run),
      config_(one_model(chosen.config, parallel_.mpi.world().size())),
      runtime_(config_, parallel_.mpi.world(), parallel_.resources()),
      session_(runtime_, config_, /*tokenizer=*/nullptr, /*training=*/false,
               ModelShape{options.batch, encoder_length, 0}),
      decoder_(session_.model, decode_shape(options, encoder_length)) {
  decoder_.plan(session_.exec);
  decoder_.allocate(session_.exec);
  restore_parameters(session_, CheckpointReader(path_for_all(chosen, parallel_.mpi.world())));
  logits_ = std::make_unique<ModelLogits>(session_.model, decoder_, session_.exec, usable);
}

}  // namespace sy
