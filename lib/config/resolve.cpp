// SPDX-License-Identifier: Apache-2.0
// What depends on more than the configuration itself: the tokenizer's size and the number of ranks.
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/config/checker.h"
#include "lib/config/config.h"

namespace sy {
namespace {

// A rank's share of the global batch must consist of whole micro-batches.
void check_share(Checker& check, const RunConfig& config, int64_t data_ranks) {
  const TrainSection& train = config.train;
  check.require(train.global_batch % data_ranks == 0, "train.global_batch",
                "{} sequences cannot be divided among {} data ranks; use a multiple",
                train.global_batch, data_ranks);
  if (train.global_batch % data_ranks != 0) return;
  const int64_t share = train.global_batch / data_ranks;
  check.require(share % train.micro_batch == 0, "train.micro_batch",
                "{} does not divide the share of each rank, {} of {} sequences; use a divisor of "
                "{}, or raise train.global_batch to a multiple of {}",
                train.micro_batch, share, train.global_batch, share,
                train.micro_batch * data_ranks);
}

void check_expert_ranks(Checker& check, const RunConfig& config, int64_t data_ranks) {
  const AutoInt& spread = config.mesh.expert;
  if (spread.is_auto || config.model.experts.count == 0) return;
  check.require(data_ranks % spread.value == 0, "mesh.expert",
                "{} does not divide the {} data ranks; use auto or a divisor", spread.value,
                data_ranks);
}

// "1, 2 or 4", the divisors of a number, at most the first eight.
std::string first_divisors(int64_t number) {
  std::vector<int64_t> divisors;
  for (int64_t d = 1; d <= number && divisors.size() < 8; ++d) {
    if (number % d == 0) divisors.push_back(d);
  }
  if (divisors.size() == 1) return "1";
  const int64_t last = divisors.back();
  divisors.pop_back();
  return fmt::format("{} or {}", fmt::join(divisors, ", "), last);
}

// An id that is set must be the tokenizer's: text is encoded with those.
void resolve_id(AutoInt& id, const AutoInt& tokenizer, const char* key) {
  if (id.is_auto) {
    id = tokenizer;
  } else if (!tokenizer.is_auto && id.value != tokenizer.value) {
    throw ConfigError(
        fmt::format("{}: {} is not the id {} of data.tokenizer; use auto, or the "
                    "tokenizer that belongs to the model",
                    key, id.value, tokenizer.value));
  }
}

void resolve_ids(ModelSection& model, const TokenizerInfo& tokenizer) {
  resolve_id(model.eos_id, tokenizer.eos, "model.eos_id");
  resolve_id(model.pad_id, tokenizer.pad, "model.pad_id");
  const SpecialIds ids = special_ids(model);
  model.pad_id = {false, ids.pad};
  model.eos_id = {false, ids.eos};
  model.start_id = {false, ids.start};
}

}  // namespace

std::vector<std::string> find_shard_errors(const ModelSection& model, int64_t shards,
                                           const SharedSizes& sizes) {
  // 0 is divided by everything and adds nothing to a greatest common divisor.
  const std::pair<const char*, int64_t> shared[] = {
      {"model.num_heads", model.num_heads},
      {"model.d_ff", model.d_ff},
      {"model.experts.shared_expert", model.experts.count > 0 ? model.experts.shared_expert : 0},
      {"model.d_model", sizes.spread ? model.d_model : 0},
      {"model.vocab_size", model.vocab_size.is_auto ? 0 : model.vocab_size.value},
      {"the number of ranks", sizes.ranks},
      {"train.micro_batch x data.encoder_length", sizes.encoder_rows},
      {"train.micro_batch x data.decoder_length", sizes.decoder_rows}};
  int64_t common = 0;
  for (const auto& [key, size] : shared) common = std::gcd(common, size);
  Checker check;
  for (const auto& [key, size] : shared) {
    check.require(size % shards == 0, "mesh.model", "{} does not divide {} ({}); use {}", shards,
                  key, size, first_divisors(common));
  }
  return check.take();
}

namespace {

SharedSizes shared_sizes(const RunConfig& config, int ranks) {
  SharedSizes sizes{.ranks = ranks};
  const int64_t model = config.mesh.model;
  sizes.spread = ranks % model == 0 && expert_ranks(config, ranks / model) > 1;
  if (!config.mesh.sequence_parallel) return sizes;
  RunConfig lengths = config;
  resolve_config(lengths, 0);
  sizes.encoder_rows = config.train.micro_batch * lengths.data.encoder_length;
  sizes.decoder_rows = config.train.micro_batch * lengths.data.decoder_length.value;
  return sizes;
}

}  // namespace

std::vector<std::string> find_mesh_errors(const RunConfig& config, int ranks) {
  SY_CHECK(ranks > 0, "{} ranks", ranks);
  Checker check;
  const int64_t model = config.mesh.model;
  std::vector<std::string> errors =
      find_shard_errors(config.model, model, shared_sizes(config, ranks));
  if (ranks % model != 0) return errors;
  const int64_t data_ranks = ranks / model;
  check.require(config.data.streams % data_ranks == 0, "data.streams",
                "{} streams cannot be divided among {} data ranks; use a multiple that also "
                "divides train.global_batch ({})",
                config.data.streams, data_ranks, config.train.global_batch);
  check_share(check, config, data_ranks);
  check_expert_ranks(check, config, data_ranks);
  check.require(config.train.eval_every == 0 || config.train.eval_sequences % data_ranks == 0,
                "train.eval_sequences",
                "{} sequences cannot be divided among {} data ranks; use a multiple",
                config.train.eval_sequences, data_ranks);
  for (std::string& error : check.take()) errors.push_back(std::move(error));
  return errors;
}

int64_t expert_ranks(const RunConfig& config, int64_t data_ranks) {
  const int64_t experts = config.model.experts.count;
  if (experts == 0) return 1;
  return config.mesh.expert.is_auto ? std::gcd(experts, data_ranks) : config.mesh.expert.value;
}

void resolve_config(RunConfig& config, const TokenizerInfo& tokenizer) {
  DataSection& data = config.data;
  const ObjectiveLengths lengths = objective_lengths(objective_options(data));
  if (data.objective == Objective::ul2) data.denoisers = denoisers_of(objective_options(data));
  data.window_tokens = {false, lengths.window_tokens};
  data.decoder_length = {false, lengths.decoder_length};
  if (tokenizer.size == 0) return;
  resolve_ids(config.model, tokenizer);
  AutoInt& vocabulary = config.model.vocab_size;
  constexpr int64_t kRows = 128;  // an efficient width for the output projection
  if (vocabulary.is_auto) vocabulary = {false, round_up(tokenizer.size, kRows)};
  if (vocabulary.value < tokenizer.size) {
    throw ConfigError(fmt::format(
        "model.vocab_size: {} is less than the {} pieces and sentinels of data.tokenizer; use auto",
        vocabulary.value, tokenizer.size));
  }
}

}  // namespace sy
