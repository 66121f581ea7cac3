// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "lib/config/checker.h"
#include "lib/config/config.h"
#include "lib/config/names.h"
#include "lib/config/router_relations.h"
#include "lib/config/task_relations.h"

namespace sy {
namespace {

void check_layers(Checker& check, const char* key, const AutoInts& list, int64_t layers) {
  if (list.is_auto) return;
  for (size_t i = 0; i < list.values.size(); ++i) {
    const int64_t layer = list.values[i];
    check.require(layer >= 0 && layer < layers, key, "{} is not one of the layers 0 to {}", layer,
                  layers - 1);
    check.require(i == 0 || list.values[i - 1] < layer, key,
                  "{} follows {}; list each layer once, in ascending order", layer,
                  i == 0 ? 0 : list.values[i - 1]);
  }
}

void check_sparsity(Checker& check, const RunConfig& config) {
  const ModelSection& model = config.model;
  const ExpertsSection& experts = model.experts;
  check_layers(check, "model.experts.layers.encoder", experts.layers.encoder, model.encoder_layers);
  check_layers(check, "model.experts.layers.decoder", experts.layers.decoder, model.decoder_layers);
  check_layers(check, "model.experts.attention.encoder", experts.attention.encoder,
               model.encoder_layers);
  check_layers(check, "model.experts.attention.decoder", experts.attention.decoder,
               model.decoder_layers);
  if (experts.count < 1 || experts.interval < 1) return;
  const bool listed = !experts.layers.encoder.is_auto && !experts.layers.decoder.is_auto;
  const int64_t deepest = std::max(model.encoder_layers, model.decoder_layers);
  check.require(
      deepest < 1 || deepest > kMaxLayers || has_sparse_attention(model) ||
          count_sparse_layers(model, Stack::encoder) + count_sparse_layers(model, Stack::decoder) >
              0,
      listed ? "model.experts.layers" : "model.experts.interval",
      "{} leaves no sparse layer among {}; change it, or set model.experts.count to 0 "
      "for a dense model",
      listed ? "this" : fmt::format("{}", experts.interval), deepest);
  const AutoInt& spread = config.mesh.expert;
  check.require(spread.is_auto || spread.value < 1 || experts.count % spread.value == 0,
                "mesh.expert", "{} does not divide model.experts.count ({}); use auto or a divisor",
                spread.value, experts.count);
}

void check_vocabulary(Checker& check, const RunConfig& config) {
  constexpr int64_t kSpecials = 3;  // pad, eos, unk
  const AutoInt& vocabulary = config.model.vocab_size;
  check.require(config.data.format == DataFormat::text || !vocabulary.is_auto, "model.vocab_size",
                "auto needs a tokenizer, and data.format: ids has none; give the number of ids, "
                "data.extra_ids ({}) among them",
                config.data.extra_ids);
  if (vocabulary.is_auto || vocabulary.value < 4) return;
  const ModelSection& model = config.model;
  const auto check_id = [&](const char* key, const AutoInt& id) {
    check.require(id.is_auto || id.value < vocabulary.value, key,
                  "{} is outside of model.vocab_size ({})", id.value, vocabulary.value);
  };
  check_id("model.pad_id", model.pad_id);
  check_id("model.eos_id", model.eos_id);
  check_id("model.start_id", model.start_id);
  check.require(vocabulary.value > config.data.extra_ids + kSpecials, "model.vocab_size",
                "{} is too small for data.extra_ids ({}) and pieces; use auto", vocabulary.value,
                config.data.extra_ids);
}

bool windows_in_range(const DataSection& data) {
  const auto fits = [](AutoInt length) { return length.is_auto || length.value >= 2; };
  return data.extra_ids >= 1 && is_density(data.noise_density) &&
         is_mean_span(data.mean_noise_span) && data.encoder_length >= 4 &&
         data.encoder_length <= (1 << 20) && fits(data.decoder_length) &&
         fits(data.window_tokens) &&
         std::all_of(data.denoisers.begin(), data.denoisers.end(), [](const Denoiser& denoiser) {
           return is_density(denoiser.noise_density) && is_mean_span(denoiser.mean_noise_span);
         });
}

// The sequences made from a full window must fit, with enough sentinels.
void check_windows(Checker& check, const RunConfig& config) {
  if (!windows_in_range(config.data) || !config.data.tasks.empty()) return;
  for (const std::string& fault :
       find_objective_faults(objective_options(config.data), config.data.extra_ids)) {
    check.add(fault);
  }
}

void check_schedule(Checker& check, const RunConfig& config) {
  const OptimizerSection& optimizer = config.optimizer;
  const bool falls =
      optimizer.schedule == ScheduleName::linear || optimizer.schedule == ScheduleName::cosine;
  check.require(!falls || optimizer.warmup_steps < config.train.steps, "optimizer.warmup_steps",
                "{} leaves no step of train.steps ({}) for the decay of optimizer.schedule {}; use "
                "fewer",
                optimizer.warmup_steps, config.train.steps, name_of(optimizer.schedule));
  const int64_t offset = optimizer.step_offset;
  const bool goes_on = config.finetune.step == StepCount::resume;  // after steps not known here
  check.require(goes_on || offset <= 0 || config.train.steps < 1 || offset < config.train.steps,
                "optimizer.step_offset",
                "{} is not before the last step, train.steps ({}), so nothing would follow it; use "
                "the step at which pre-training ended, or 0",
                offset, config.train.steps);
}

// The fewest sequences that are a whole number of routing groups in both stacks.
int64_t sequences_of_whole_groups(const RunConfig& config) {
  const ExpertsSection& experts = config.model.experts;
  if (experts.group_tokens.encoder.is_auto && experts.group_tokens.decoder.is_auto) {
    return experts.group_sequences;
  }
  RunConfig resolved = config;
  resolve_config(resolved, 0);
  const auto fewest = [&](Stack stack, int64_t length) {
    const int64_t tokens = group_tokens(experts, stack, length);
    return tokens / std::gcd(tokens, length);
  };
  return std::lcm(fewest(Stack::encoder, resolved.data.encoder_length),
                  fewest(Stack::decoder, resolved.data.decoder_length.value));
}

// A number of sequences must hold whole groups of both stacks.
void check_groups(Checker& check, const RunConfig& config, const char* key, int64_t sequences,
                  std::string_view why) {
  const ExpertsSection& experts = config.model.experts;
  const auto positive = [](const AutoInt& tokens) { return tokens.is_auto || tokens.value > 0; };
  if (experts.count < 1 || !positive(experts.group_tokens.encoder) ||
      !positive(experts.group_tokens.decoder) || !windows_in_range(config.data)) {
    return;
  }
  const int64_t fewest = sequences_of_whole_groups(config);
  const bool in_sequences =
      experts.group_tokens.encoder.is_auto && experts.group_tokens.decoder.is_auto;
  const auto name = [](const AutoInt& tokens) {
    return tokens.is_auto ? std::string("auto") : fmt::format("{}", tokens.value);
  };
  check.require(
      sequences % fewest == 0, key, "{} is not a multiple of {} ({}){}; use {}", sequences,
      in_sequences
          ? "model.experts.group_sequences"
          : fmt::format("the sequences that hold whole routing groups of "
                        "model.experts.group_tokens {} | {}",
                        name(experts.group_tokens.encoder), name(experts.group_tokens.decoder)),
      fewest, why, why.empty() ? "one" : "a multiple");
}

void check_batches(Checker& check, const RunConfig& config) {
  const TrainSection& train = config.train;
  const ExpertsSection& experts = config.model.experts;
  const int64_t streams = config.data.streams, group = experts.group_sequences;
  if (train.global_batch < 1 || train.micro_batch < 1 || streams < 1 || group < 1) return;
  check.require(train.global_batch % streams == 0, "data.streams",
                "{} does not divide train.global_batch ({}); use a divisor", streams,
                train.global_batch);
  check.require(train.global_batch % train.micro_batch == 0, "train.micro_batch",
                "{} does not divide train.global_batch ({}); use a divisor", train.micro_batch,
                train.global_batch);
  // Dropless too: the balancing loss is per group.
  check_groups(check, config, "train.micro_batch", train.micro_batch,
               ", but a routing group must lie within a micro-batch");
  if (train.eval_every == 0) return;
  check.require(train.eval_sequences % streams == 0, "train.eval_sequences",
                "{} is not a multiple of data.streams ({}); use one", train.eval_sequences,
                streams);
  check_groups(check, config, "train.eval_sequences", train.eval_sequences, "");
}

void check_milestones(Checker& check, const TrainSection& train) {
  if (train.keep_every < 1 || train.checkpoint_every < 1) return;
  check.require(
      train.keep_every % train.checkpoint_every == 0, "train.keep_every",
      "{} is not a multiple of train.checkpoint_every ({}), so most milestones would never "
      "be saved; use one",
      train.keep_every, train.checkpoint_every);
}

}  // namespace

std::vector<std::string> find_relation_errors(const RunConfig& config) {
  Checker check;
  check_sparsity(check, config);
  check_router_relations(check, config);
  check_vocabulary(check, config);
  check_windows(check, config);
  check_tasks(check, config);
  check_finetune(check, config.finetune);
  check_schedule(check, config);
  check_batches(check, config);
  check_milestones(check, config.train);
  return check.take();
}

}  // namespace sy
