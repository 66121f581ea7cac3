// SPDX-License-Identifier: Apache-2.0
// The configuration of a run: plain structs with defaults. Each struct lists its keys once, in
// fields(visitor), as (key, member, one line of documentation). Parsing, writing and the generated
// reference all use that list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/objective_plan.h"
#include "lib/config/value_types.h"

namespace sy {

struct RunSection {
  std::string name = "run";
  std::string directory = "runs";
  int64_t seed = 1;
  AutoInt threads;
  double hang_timeout_seconds = 600;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", name, "run name; the run is stored in directory/name");
    visit("directory", directory, "parent folder of all runs");
    visit("seed", seed, "seed of all randomness: data order, masks, initialisation, dropout");
    visit("threads", threads,
          "compute threads per rank; auto: OMP_NUM_THREADS if it is set, else the cores that the "
          "launcher gives, divided among the ranks that share them");
    visit("hang_timeout_seconds", hang_timeout_seconds,
          "abort, naming the collective, if one blocks longer than this; 0: never");
  }
};

struct MeshSection {
  int64_t model = 1;
  AutoInt expert;
  bool sequence_parallel = false;
  int64_t zero_stage = 0;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("model", model,
          "ranks that share the matrices of one model replica; data ranks = ranks / model");
    visit("expert", expert,
          "data ranks that the experts are spread over; auto: the largest divisor of both the "
          "number of experts and the data ranks");
    visit("sequence_parallel", sequence_parallel,
          "with mesh.model above 1: cut the residual stream, norms and dropout by rows over the "
          "model ranks");
    visit(
        "zero_stage", zero_stage,
        "0: every rank updates all parameters that it holds; 1: the ranks that hold the same ones "
        "divide their update, optimiser state and, in bfloat16, master weights (ZeRO-1)");
  }
};

struct SparseLayersSection {
  AutoInts encoder;
  AutoInts decoder;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("encoder", encoder,
          "indices, from 0, of the sparse layers of the encoder; auto: as model.experts.interval "
          "says");
    visit("decoder", decoder, "the same for the decoder");
  }
};

struct GroupTokensSection {
  AutoInt encoder;
  AutoInt decoder;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("encoder", encoder,
          "consecutive tokens of the encoder's global batch in a routing group, whatever sequences "
          "they are of; auto: model.experts.group_sequences whole sequences");
    visit("decoder", decoder, "the same for the decoder");
  }
};

struct ExpertsSection {
  int64_t count = 8;
  int64_t interval = 2;
  SparseLayersSection layers;
  SparseLayersSection attention{{false, {}}, {false, {}}};
  AttentionForm attention_form = AttentionForm::ffn;
  Routing routing = Routing::learned;
  int64_t ntlb_top_k = 4;
  int64_t top_k = 1;
  SecondPolicy second_policy = SecondPolicy::random;
  double second_threshold = 0.2;
  bool normalise_gates = true;
  Exploration exploration = Exploration::jitter;
  EvalExploration eval_exploration = EvalExploration::argmax;
  double sample_temperature = 1.0;
  double router_dropout = 0.1;
  Convention convention = Convention::paper;
  CapacityMode capacity = CapacityMode::factor;
  double capacity_factor = 1.25;
  double eval_capacity_factor = 2.0;
  int64_t min_capacity = 4;
  int64_t fixed_capacity = 64;
  int64_t group_sequences = 2;
  GroupTokensSection group_tokens;
  RouterPrecision router_precision = RouterPrecision::float32;
  double jitter = 0.01;
  double balance_loss = 0.01;
  double second_place_loss = 0.0;
  double importance_loss = 0.0;
  double load_loss = 0.0;
  double balance_bias = 0.0;
  double z_loss = 0.0;
  double dropout = 0.0;
  int64_t shared_expert = 0;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("count", count, "experts per sparse layer; 0: a dense model");
    visit("interval", interval, "every interval-th feed-forward layer is sparse");
    visit("layers", layers,
          "which feed-forward layers are sparse, where an interval cannot say it");
    visit("attention", attention,
          "which self-attention layers compute queries and keys, which are the values too, with "
          "experts; []: none");
    visit("attention_form", attention_form,
          "an expert of self-attention: ffn (a feed-forward layer) | linear");
    visit(
        "routing", routing,
        "learned: by a router's logits; hash: by a fixed hash of the token's id, with gate 1, "
        "neither parameters nor losses, as a control; no_token_left_behind: learned, and a token "
        "that overflows goes to its next expert; expert_choice: learned, and each expert takes the "
        "tokens that it is most probable for, as many as its capacity, without a balance loss; "
        "for encoders");
    visit("ntlb_top_k", ntlb_top_k, "experts that a token may try with no_token_left_behind");
    visit("top_k", top_k,
          "experts per token: 1 (Switch) or 2 (GShard's and Mesh TensorFlow's MoE)");
    visit("second_policy", second_policy,
          "with top_k 2, when a token also goes to its second expert; random: with probability "
          "gate / second_threshold, in evaluation too; all; none; threshold: if the gate is above "
          "second_threshold");
    visit("second_threshold", second_threshold,
          "the second gate from which on second_policy always keeps the second expert");
    visit("normalise_gates", normalise_gates,
          "with top_k 2, divide both gates by their sum; false: the gates are the probabilities");
    visit(
        "exploration", exploration,
        "how the router explores in training; jitter: as jitter says; argmax: not at all; "
        "sample: the expert is drawn from softmax(logits / sample_temperature); input_dropout: "
        "the router's input is dropped out at router_dropout; noise: logits get normal noise of a "
        "learned size (Shazeer et al. 2017)");
    visit("eval_exploration", eval_exploration,
          "argmax | sample, in evaluation; generation always takes the largest");
    visit("sample_temperature", sample_temperature, "temperature of exploration sample");
    visit("router_dropout", router_dropout, "rate of exploration input_dropout");
    visit("convention", convention,
          "hugging_face: as in SwitchTransformers, padding is routed, jitter also reaches the "
          "experts, and router losses are computed per stack instead of per layer");
    visit("capacity", capacity,
          "tokens per expert and group; factor: tokens x factor / experts; fixed: fixed_capacity; "
          "dropless: no limit");
    visit("capacity_factor", capacity_factor, "capacity factor in training");
    visit("eval_capacity_factor", eval_capacity_factor, "capacity factor in evaluation");
    visit("min_capacity", min_capacity, "minimum capacity of an expert per group");
    visit("fixed_capacity", fixed_capacity,
          "capacity of an expert per group when capacity is fixed");
    visit("group_sequences", group_sequences,
          "consecutive sequences in a routing group, the same on every mesh");
    visit("group_tokens", group_tokens, "routing groups in tokens, for each stack apart");
    visit("router_precision", router_precision,
          "float32, or what is rounded, which exists to reproduce the instability that the paper "
          "reports; bfloat16: input, weight, logits, probabilities, gates; "
          "mesh_tensorflow_bfloat16: also f, P and places in an expert; bfloat16_weight, "
          "bfloat16_places: that alone");
    visit("jitter", jitter,
          "in training, multiply router inputs by U(1 - jitter, 1 + jitter), if exploration is "
          "jitter");
    visit("balance_loss", balance_loss, "coefficient of the auxiliary load-balancing loss");
    visit("second_place_loss", second_place_loss,
          "with top_k 2, coefficient of the load-balancing loss of second choices; half of "
          "balance_loss is Mesh TensorFlow's");
    visit("importance_loss", importance_loss,
          "coefficient of the squared coefficient of variation of the experts' sums of gates "
          "(Shazeer et al. 2017)");
    visit("load_loss", load_loss,
          "with exploration noise, coefficient of the same of the experts' expected loads");
    visit("balance_bias", balance_bias,
          "what a step adds to the bias of an expert with less than the mean load, and takes from "
          "one with more; the bias is added to its probability where experts are chosen, not in "
          "gates; 0: no bias");
    visit("z_loss", z_loss, "coefficient of the router z-loss");
    visit("dropout", dropout, "dropout on the inner activations of experts");
    visit(
        "shared_expert", shared_expert,
        "d_ff of a dense feed-forward layer beside the experts, which every token takes; 0: none");
  }
};

struct InitialisationSection {
  AutoNumber attention;
  ExpertValues experts = ExpertValues::truncated_normal;
  AutoNumber relative_bias;
  AutoNumber router;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("attention", attention,
          "s of the matrices of attention, whose normal is then not truncated; auto: as init_scale "
          "says");
    visit("experts", experts,
          "distribution of the matrices of experts, with the std that init_scale gives");
    visit(
        "relative_bias", relative_bias,
        "s of the relative position bias, which is then uniform with variance s / mean of buckets "
        "and heads; auto: normal, variance init_scale / d_model");
    visit("router", router,
          "std of the router's weight, whose normal is then not truncated; auto: as init_scale "
          "says");
  }
};

struct ModelSection {
  AutoInt vocab_size;
  int64_t d_model = 256;
  int64_t d_kv = 64;
  int64_t num_heads = 4;
  int64_t d_ff = 1024;
  int64_t encoder_layers = 4;
  int64_t decoder_layers = 4;
  Activation activation = Activation::relu;
  bool tie_embeddings = true;
  AutoBool scale_decoder_outputs = AutoBool::automatic;
  AutoInt pad_id;
  AutoInt eos_id;
  AutoInt start_id;
  double dropout = 0.0;
  DropoutBroadcast dropout_broadcast = DropoutBroadcast::none;
  double init_scale = 0.1;
  InitialisationSection initialisation;
  int64_t relative_buckets = 32;
  int64_t relative_max_distance = 128;
  ExpertsSection experts;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("vocab_size", vocab_size,
          "rows of the embedding; auto: pieces and sentinels, rounded up to a multiple of 128");
    visit("d_model", d_model, "width of the residual stream");
    visit("d_kv", d_kv, "width of an attention head");
    visit("num_heads", num_heads, "attention heads");
    visit("d_ff", d_ff, "inner width of feed-forward layers and of each expert");
    visit("encoder_layers", encoder_layers, "encoder blocks");
    visit("decoder_layers", decoder_layers, "decoder blocks");
    visit("activation", activation, "relu | gelu | geglu");
    visit("tie_embeddings", tie_embeddings, "use the embedding as output projection");
    visit("scale_decoder_outputs", scale_decoder_outputs,
          "multiply decoder outputs by d_model^-0.5 before the output projection; auto: if "
          "embeddings are tied");
    visit("pad_id", pad_id, "id of padding; auto: the tokenizer's, or 0 if it has none");
    visit("eos_id", eos_id, "id that ends a sequence; auto: the tokenizer's");
    visit("start_id", start_id, "first id that the decoder reads; auto: pad_id");
    visit("dropout", dropout, "dropout everywhere except inside experts");
    visit(
        "dropout_broadcast", dropout_broadcast,
        "none: dropout draws for every element; length: once for all tokens of a sequence, and in "
        "attention for all queries, as Mesh TensorFlow and Flaxformer do; experts.dropout draws "
        "for every element");
    visit("init_scale", init_scale, "s in std = sqrt(s / fan_in) of the truncated normal");
    visit("initialisation", initialisation, "initial values that init_scale alone does not give");
    visit("relative_buckets", relative_buckets, "buckets of the relative position bias");
    visit("relative_max_distance", relative_max_distance,
          "distances from this one on share the last bucket");
    visit("experts", experts, "the sparse feed-forward layers");
  }
};

struct DataSection {
  std::vector<std::string> train = {"data/sample/c4-train.*.json.gz"};
  std::vector<std::string> validation = {"data/sample/c4-validation.*.json.gz"};
  DataFormat format = DataFormat::text;
  std::string text_key = "text";
  std::string tokenizer = "data/sample/sentencepiece.model";
  int64_t extra_ids = 100;
  int64_t encoder_length = 128;
  AutoInt decoder_length;
  AutoInt window_tokens;
  double noise_density = 0.15;
  double mean_noise_span = 3.0;
  Objective objective = Objective::span_corruption;
  std::vector<Denoiser> denoisers;
  Separator document_separator = Separator::none;
  int64_t streams = 8;
  int64_t shuffle_buffer = 1024;
  int64_t example_buffer = 1000;
  BadRecordPolicy on_bad_record = BadRecordPolicy::skip;
  double max_bad_shards = 0.02;
  int64_t max_document_bytes = 16 << 20;
  int64_t loader_threads = 1;
  int64_t read_ahead_batches = 4;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit(
        "train", train,
        "globs of training shards: files with a JSON object per line, plain or compressed by gzip "
        "or zstd; in every path ~ and ${VAR} are expanded, and in globs * ? [...] {a,b}");
    visit("validation", validation, "globs of validation shards");
    visit("format", format,
          "what a record holds under text_key: text | ids (a list of integers, read as they are; "
          "needs no tokenizer, but model.vocab_size)");
    visit("text_key", text_key, "key of a record under which its text, or its list of ids, is");
    visit("tokenizer", tokenizer,
          "path of a SentencePiece model, or the word bytes for ByT5's vocabulary of bytes; not "
          "read with format: ids");
    visit("extra_ids", extra_ids, "sentinels; appended after the pieces if the tokenizer has none");
    visit("encoder_length", encoder_length, "tokens per input sequence, including eos");
    visit("decoder_length", decoder_length,
          "tokens per target sequence, including eos; auto: derived from the objective");
    visit("window_tokens", window_tokens,
          "tokens of text per example before corruption; auto: derived from the objective");
    visit("noise_density", noise_density, "span_corruption: fraction of tokens that is masked");
    visit("mean_noise_span", mean_noise_span, "span_corruption: mean length of a masked span");
    visit("objective", objective,
          "what an example is: span_corruption | prefix_lm | next_token | ul2 (a mixture of "
          "denoisers)");
    visit("denoisers", denoisers,
          "the denoisers of ul2, each with the keys below; empty: the seven of the paper");
    visit("document_separator", document_separator,
          "separator between concatenated documents: none (as in T5) | eos");
    visit("streams", streams,
          "virtual data streams; a multiple of the data ranks and a divisor of train.global_batch");
    visit("shuffle_buffer", shuffle_buffer, "documents in each stream's shuffle buffer");
    visit(
        "example_buffer", example_buffer,
        "examples in each stream's second shuffle buffer, which separates neighbouring windows of "
        "a document; 1: off");
    visit("on_bad_record", on_bad_record, "unreadable records: skip (counted and reported) | fail");
    visit("max_bad_shards", max_bad_shards,
          "fraction of the shards that may be unreadable or give no text before the run stops; "
          "one is always accepted, unless this is 0");
    visit("max_document_bytes", max_document_bytes,
          "longest accepted line; a longer one counts as a bad record");
    visit("loader_threads", loader_threads,
          "threads per rank that read and tokenise ahead of training");
    visit("read_ahead_batches", read_ahead_batches, "batches prepared in advance");
  }
};

struct OptimizerSection {
  OptimizerName name = OptimizerName::adafactor;
  double learning_rate = 1.0;
  ScheduleName schedule = ScheduleName::rsqrt;
  int64_t warmup_steps = 1000;
  double clip_norm = 1.0;
  double decay_exponent = 0.8;
  int64_t step_offset = 0;
  double update_clip = 1.0;
  RmsOver rms_over = RmsOver::expert;
  int64_t factor_from = 128;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  NonFinitePolicy on_nonfinite = NonFinitePolicy::stop;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", name, "adafactor | adamw");
    visit("learning_rate", learning_rate, "factor on the schedule");
    visit("schedule", schedule,
          "rsqrt: 1/sqrt(max(step, warmup)); constant; linear or cosine decay to 0 at train.steps; "
          "the last three warm up linearly");
    visit("warmup_steps", warmup_steps, "warm-up steps");
    visit("clip_norm", clip_norm, "global norm that gradients are clipped to; 0: off");
    visit("decay_exponent", decay_exponent,
          "adafactor: decay of the second moment is 1 - step^-exponent");
    visit("step_offset", step_offset,
          "adafactor: after this step, decay_exponent's steps are counted from 1 again, as for a "
          "run that continues pre-training with other data");
    visit("update_clip", update_clip, "adafactor: maximum root mean square of an update");
    visit("rms_over", rms_over,
          "adafactor: whose root mean squares clip and scale the update of an expert: its own "
          "(expert), or those of all together, as in Mesh TensorFlow (tensor)");
    visit(
        "factor_from", factor_from,
        "adafactor: second moments are factored if both sides of a matrix are at least this long");
    visit("beta1", beta1, "adamw: decay of the first moment");
    visit("beta2", beta2, "adamw: decay of the second moment");
    visit("epsilon", epsilon, "adamw: added to the root of the second moment");
    visit("weight_decay", weight_decay, "decoupled weight decay, multiplied by the learning rate");
    visit("on_nonfinite", on_nonfinite,
          "if a loss or gradient is not finite: stop the run | skip the step");
  }
};

struct TrainSection {
  int64_t steps = 300;
  int64_t global_batch = 32;
  int64_t micro_batch = 8;
  int64_t log_every = 10;
  int64_t eval_every = 100;
  int64_t eval_sequences = 64;
  int64_t checkpoint_every = 100;
  int64_t keep_checkpoints = 3;
  double logit_z_loss = 0.0;
  std::string initialize_from;
  Recompute recompute = Recompute::none;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("steps", steps, "optimiser steps in the whole run");
    visit("global_batch", global_batch, "sequences per step, over all ranks");
    visit("micro_batch", micro_batch,
          "sequences a rank processes at a time; gradients are accumulated over micro-batches");
    visit("log_every", log_every, "steps between lines of metrics");
    visit("eval_every", eval_every, "steps between evaluations; 0: never");
    visit("eval_sequences", eval_sequences, "sequences per evaluation");
    visit("checkpoint_every", checkpoint_every,
          "steps between checkpoints; 0: only at the end of the run");
    visit("keep_checkpoints", keep_checkpoints, "number of newest checkpoints to keep; 0: all");
    visit(
        "logit_z_loss", logit_z_loss,
        "coefficient of the z-loss of the output logits, in training alone; T5's recipe has 1e-4");
    visit("initialize_from", initialize_from,
          "checkpoint (or folder of a run) whose weights training starts from, with optimiser, "
          "schedule and data fresh; empty: random weights");
    visit(
        "recompute", recompute,
        "what backward computes again instead of keeping it: none; experts: the inner activations "
        "of experts, [rows, d_ff], without sending rows again; blocks: all of a block but its "
        "input");
  }
};

struct RunConfig {
  RunSection run;
  BackendChoice backend = BackendChoice::automatic;
  Precision precision = Precision::float32;
  MeshSection mesh;
  ModelSection model;
  DataSection data;
  OptimizerSection optimizer;
  TrainSection train;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("run", run, "name and location of the run");
    visit("backend", backend,
          "auto | cpu | cuda; auto: cuda if it was built in and a GPU is present");
    visit("precision", precision,
          "compute precision: float32 | bfloat16; master weights are always float32");
    visit("mesh", mesh, "how ranks divide the work");
    visit("model", model, "the Switch Transformer");
    visit("data", data, "text, and how it becomes training examples");
    visit("optimizer", optimizer, "optimiser and schedule");
    visit("train", train, "run length, batches, logging and checkpoints");
  }
};

// What the lengths of the configuration's sequences follow from.
inline ObjectiveOptions objective_options(const DataSection& data) {
  const auto given = [](const AutoInt& length) {
    return length.is_auto ? std::nullopt : std::optional<int64_t>(length.value);
  };
  return {
      data.objective, data.denoisers,      data.noise_density,        data.mean_noise_span,
      data.extra_ids, data.encoder_length, given(data.window_tokens), given(data.decoder_length)};
}

// What the configuration depends on of a tokenizer.
struct TokenizerInfo {
  // Size alone, for where no id is known.
  TokenizerInfo(int64_t size_) : size(size_) {}
  TokenizerInfo(int64_t size_, AutoInt pad_, AutoInt eos_) : size(size_), pad(pad_), eos(eos_) {}

  int64_t size = 0;  // pieces and sentinels; 0: unknown
  AutoInt pad, eos;  // auto: unknown, or (pad) it has none
};

}  // namespace sy
