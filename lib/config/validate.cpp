// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <limits>

#include "lib/base/error.h"
#include "lib/config/checker.h"
#include "lib/config/config.h"
#include "lib/config/names.h"
#include "lib/config/text_rules.h"

namespace sy {
namespace {

// Large enough for every model in the paper, small enough that no product of sizes overflows.
constexpr int64_t kMaxWidth = 1 << 20;
constexpr int64_t kMaxCount = 1 << 24;
constexpr int64_t kMaxSteps = int64_t{1} << 40;

void check_run(Checker& check, const RunConfig& config) {
  const RunSection& run = config.run;
  check.require(!run.name.empty() && run.name != "." && run.name != "..", "run.name",
                "'{}' is not a valid folder name; give the run a name", run.name);
  check.require(run.name.find('/') == std::string::npos, "run.name",
                "'{}' contains a slash; set the parent folder in run.directory", run.name);
  check.require(!run.directory.empty(), "run.directory", "is empty; use . for the current folder");
  check.integer("run.seed", run.seed, 0, std::numeric_limits<int64_t>::max());
  check.automatic("run.threads", run.threads, 1, 4096);
  check.not_negative("run.hang_timeout_seconds", run.hang_timeout_seconds);
  check.integer("run.replay_every", run.replay_every, 0, kMaxSteps);
  check.require(
      config.precision == Precision::bfloat16 || !router_rounding(config.model.experts).results,
      "model.experts.router_precision",
      "{} requires precision: bfloat16; use float32 here or bfloat16 there",
      name_of(config.model.experts.router_precision));
  check.integer("mesh.model", config.mesh.model, 1, kMaxWidth);
  check.integer("mesh.zero_stage", config.mesh.zero_stage, 0, 1);
  check.automatic("mesh.expert", config.mesh.expert, 1, kMaxCount);
}

void check_model(Checker& check, const ModelSection& model) {
  check.automatic("model.vocab_size", model.vocab_size, 4, kMaxCount);
  check.integer("model.d_model", model.d_model, 1, kMaxWidth);
  check.integer("model.d_kv", model.d_kv, 1, kMaxWidth);
  check.integer("model.num_heads", model.num_heads, 1, kMaxLayers);
  check.integer("model.d_ff", model.d_ff, 1, kMaxWidth);
  check.integer("model.encoder_layers", model.encoder_layers, 1, kMaxLayers);
  check.integer("model.decoder_layers", model.decoder_layers, 1, kMaxLayers);
  check.below_one("model.dropout", model.dropout);
  check.automatic("model.pad_id", model.pad_id, 0, kMaxCount);
  check.automatic("model.eos_id", model.eos_id, 0, kMaxCount);
  check.automatic("model.start_id", model.start_id, 0, kMaxCount);
  check.positive("model.init_scale", model.init_scale);
  check.automatic("model.initialisation.attention", model.initialisation.attention);
  check.automatic("model.initialisation.relative_bias", model.initialisation.relative_bias);
  check.automatic("model.initialisation.router", model.initialisation.router);
  check.require(model.relative_buckets >= 4 && model.relative_buckets % 2 == 0 &&
                    model.relative_buckets <= kMaxLayers,
                "model.relative_buckets", "{} is not an even number from 4 to {}; T5 uses 32",
                model.relative_buckets, kMaxLayers);
  // The first half of the decoder's buckets are exact distances; the other half must reach further.
  check.require(
      model.relative_max_distance > model.relative_buckets / 2 &&
          model.relative_max_distance <= kMaxCount,
      "model.relative_max_distance",
      "{} is out of range; use more than half of model.relative_buckets ({}), T5 uses 128",
      model.relative_max_distance, model.relative_buckets);
}

void check_experts(Checker& check, const ModelSection& model) {
  const ExpertsSection& experts = model.experts;
  check.integer("model.experts.count", experts.count, 0, 1 << 16);
  check.integer("model.experts.interval", experts.interval, 1, kMaxLayers);
  check.integer("model.experts.ntlb_top_k", experts.ntlb_top_k, 1, 1 << 16);
  check.integer("model.experts.top_k", experts.top_k, 1, 2);
  check.positive("model.experts.second_threshold", experts.second_threshold);
  check.positive("model.experts.sample_temperature", experts.sample_temperature);
  check.below_one("model.experts.router_dropout", experts.router_dropout);
  check.positive("model.experts.capacity_factor", experts.capacity_factor);
  check.positive("model.experts.eval_capacity_factor", experts.eval_capacity_factor);
  check.integer("model.experts.min_capacity", experts.min_capacity, 1, kMaxCount);
  check.integer("model.experts.fixed_capacity", experts.fixed_capacity, 1, kMaxCount);
  check.integer("model.experts.group_sequences", experts.group_sequences, 1, kMaxCount);
  check.automatic("model.experts.group_tokens.encoder", experts.group_tokens.encoder, 1, kMaxCount);
  check.automatic("model.experts.group_tokens.decoder", experts.group_tokens.decoder, 1, kMaxCount);
  check.below_one("model.experts.jitter", experts.jitter);
  check.not_negative("model.experts.balance_loss", experts.balance_loss);
  check.not_negative("model.experts.second_place_loss", experts.second_place_loss);
  check.not_negative("model.experts.importance_loss", experts.importance_loss);
  check.not_negative("model.experts.load_loss", experts.load_loss);
  check.not_negative("model.experts.balance_bias", experts.balance_bias);
  check.not_negative("model.experts.z_loss", experts.z_loss);
  check.below_one("model.experts.dropout", experts.dropout);
  check.integer("model.experts.shared_expert", experts.shared_expert, 0, kMaxWidth);
}

void check_noise(Checker& check, const std::string& section, double density, double mean_span) {
  check.require(is_density(density), section + "noise_density",
                "{} is out of range; use more than 0, up to 0.9; T5 uses 0.15", density);
  check.require(is_mean_span(mean_span), section + "mean_noise_span",
                "{} is out of range; use 1 to 1000; T5 uses 3", mean_span);
}

void check_denoisers(Checker& check, const DataSection& data) {
  check.require(data.denoisers.empty() || data.objective == Objective::ul2, "data.denoisers",
                "is for data.objective: ul2, not {}; set that, or leave the list empty",
                name_of(data.objective));
  check.require(data.objective != Objective::ul2 || !data.denoisers.empty() || data.extra_ids >= 4,
                "data.extra_ids",
                "{} sentinels leave none beside the three mode tokens of data.objective: ul2; "
                "use 4 or more",
                data.extra_ids);
  constexpr size_t kMost = 1000;
  check.require(data.denoisers.size() <= kMost, "data.denoisers", "has {} items; use up to {}",
                data.denoisers.size(), kMost);
  for (size_t i = 0; i < data.denoisers.size(); ++i) {
    const Denoiser& denoiser = data.denoisers[i];
    const std::string section = fmt::format("data.denoisers[{}].", i);
    check_noise(check, section, denoiser.noise_density, denoiser.mean_noise_span);
    check.positive(section + "weight", denoiser.weight);
    check.require(!denoiser.name.empty(), section + "name", "is empty; give a word, such as R");
    check.require(sentinel_in_text(denoiser.mode_token) < data.extra_ids, section + "mode_token",
                  "{} is not one of the {} sentinels of data.extra_ids; use a lower number",
                  denoiser.mode_token, data.extra_ids);
  }
}

void check_data(Checker& check, const RunConfig& config) {
  const DataSection& data = config.data;
  check_text(check, config);
  check.require(!data.tokenizer.empty(), "data.tokenizer",
                "is empty; give a SentencePiece model (`switchyard tokenizer train` makes one)");
  check.integer("data.extra_ids", data.extra_ids, 1, 1 << 16);
  check.integer("data.encoder_length", data.encoder_length, 4, 1 << 20);
  check.automatic("data.decoder_length", data.decoder_length, 3, 1 << 20);
  check.automatic("data.window_tokens", data.window_tokens, 2, 1 << 20);
  check_noise(check, "data.", data.noise_density, data.mean_noise_span);
  check_denoisers(check, data);
  check.integer("data.bucket_batches", data.bucket_batches, 1, 4096);
  check.integer("data.streams", data.streams, 1, kMaxCount);
  check.integer("data.shuffle_buffer", data.shuffle_buffer, 1, kMaxCount);
  check.integer("data.example_buffer", data.example_buffer, 1, kMaxCount);
  check.require(!data.text_key.empty(), "data.text_key",
                "is empty; name the key of a record under which its text is, such as text");
  check.require(data.max_bad_shards >= 0 && data.max_bad_shards <= 1, "data.max_bad_shards",
                "{} is out of range; use 0 to 1, a share of the shards", data.max_bad_shards);
  check.integer("data.max_document_bytes", data.max_document_bytes, 1, int64_t{1} << 32);
  check.integer("data.loader_threads", data.loader_threads, 1, 1024);
  check.integer("data.read_ahead_batches", data.read_ahead_batches, 1, 4096);
}

void check_optimizer(Checker& check, const OptimizerSection& optimizer) {
  check.positive("optimizer.learning_rate", optimizer.learning_rate);
  const bool rsqrt = optimizer.schedule == ScheduleName::rsqrt;
  check.integer("optimizer.warmup_steps", optimizer.warmup_steps, rsqrt ? 1 : 0, kMaxSteps);
  check.not_negative("optimizer.clip_norm", optimizer.clip_norm);
  check.require(optimizer.decay_exponent > 0 && optimizer.decay_exponent <= 1,
                "optimizer.decay_exponent", "{} is out of range; use more than 0, up to 1",
                optimizer.decay_exponent);
  check.integer("optimizer.step_offset", optimizer.step_offset, 0, kMaxSteps);
  check.positive("optimizer.update_clip", optimizer.update_clip);
  check.integer("optimizer.factor_from", optimizer.factor_from, 1, kMaxSteps);
  check.below_one("optimizer.beta1", optimizer.beta1);
  check.below_one("optimizer.beta2", optimizer.beta2);
  check.positive("optimizer.epsilon", optimizer.epsilon);
  check.not_negative("optimizer.weight_decay", optimizer.weight_decay);
  check.integer("optimizer.max_skipped_steps", optimizer.max_skipped_steps, 0, kMaxSteps);
  check.positive("optimizer.spike_deviations", optimizer.spike_deviations);
  check.integer("optimizer.spike_window", optimizer.spike_window, 2, 10000);
}

void check_train(Checker& check, const TrainSection& train) {
  check.integer("train.steps", train.steps, 1, kMaxSteps);
  check.integer("train.global_batch", train.global_batch, 1, kMaxCount);
  check.integer("train.micro_batch", train.micro_batch, 1, kMaxCount);
  check.integer("train.log_every", train.log_every, 1, kMaxSteps);
  check.integer("train.eval_every", train.eval_every, 0, kMaxSteps);
  check.integer("train.eval_sequences", train.eval_sequences, 1, kMaxSteps);
  check.integer("train.checkpoint_every", train.checkpoint_every, 0, kMaxSteps);
  check.integer("train.keep_checkpoints", train.keep_checkpoints, 0, kMaxCount);
  check.integer("train.keep_every", train.keep_every, 0, kMaxSteps);
  check.not_negative("train.logit_z_loss", train.logit_z_loss);
}

void check_distill(Checker& check, const DistillSection& distill) {
  check.require(distill.soft >= 0 && distill.soft <= 1, "distill.soft",
                "{} is out of range; use 0 to 1, the weight of the teacher", distill.soft);
  check.positive("distill.temperature", distill.temperature);
  check.integer("distill.start_step", distill.start_step, 0, kMaxSteps);
}

}  // namespace

std::vector<std::string> find_errors(const RunConfig& config) {
  Checker check;
  check_run(check, config);
  check_model(check, config.model);
  check_experts(check, config.model);
  check_data(check, config);
  check_optimizer(check, config.optimizer);
  check_train(check, config.train);
  check_distill(check, config.distill);
  std::vector<std::string> errors = check.take();
  const std::vector<std::string> relations = find_relation_errors(config);
  errors.insert(errors.end(), relations.begin(), relations.end());
  return errors;
}

void throw_errors(const std::vector<std::string>& errors) {
  if (!errors.empty()) throw ConfigError(fmt::format("{}", fmt::join(errors, "\n")));
}

}  // namespace sy
