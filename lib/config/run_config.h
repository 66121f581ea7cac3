// The whole configuration of a run: plain structs with defaults. Each struct lists its keys once,
// in fields(visitor), as (key, member, one line of documentation); parsing, writing, the generated
// reference and the comparison of two runs all follow from that list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sy {

// An integer key that may also be the word `auto`.
struct AutoInt {
  bool is_auto = true;
  int64_t value = 0;
  bool operator==(const AutoInt&) const = default;
};

enum class BackendChoice : uint8_t { automatic, cpu, cuda };
enum class Precision : uint8_t { float32, bfloat16 };
enum class Activation : uint8_t { relu, gelu, geglu };
enum class CapacityMode : uint8_t { factor, fixed, dropless };
enum class Convention : uint8_t { paper, hugging_face };
enum class Separator : uint8_t { none, eos };
enum class BadRecordPolicy : uint8_t { skip, fail };
enum class OptimizerName : uint8_t { adafactor, adamw };
enum class ScheduleName : uint8_t { rsqrt, constant, linear, cosine };
enum class NonFinitePolicy : uint8_t { stop, skip };

struct RunSection {
  std::string name = "run";
  std::string directory = "runs";
  int64_t seed = 1;
  AutoInt threads;
  double hang_timeout_seconds = 600;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", name, "name of the run; its folder is directory/name");
    visit("directory", directory, "folder that holds the runs");
    visit("seed", seed, "seed of every random draw: data order, masks, initialisation, dropout");
    visit("threads", threads,
          "threads a rank computes with; auto: the node's cores shared out among its ranks");
    visit("hang_timeout_seconds", hang_timeout_seconds,
          "a collective that waits longer than this ends the run with its name; 0: never");
  }
};

struct MeshSection {
  int64_t model = 1;
  AutoInt expert;
  int64_t zero_stage = 0;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("model", model,
          "ranks that share one model replica's matrices; data ranks = ranks / model");
    visit("expert", expert,
          "data ranks over which the experts are spread; auto: the most that divides both the "
          "experts and the data ranks");
    visit("zero_stage", zero_stage,
          "0: optimiser state on every rank; 1: spread over the data ranks");
  }
};

struct ExpertsSection {
  int64_t count = 8;
  int64_t interval = 2;
  int64_t top_k = 1;
  Convention convention = Convention::paper;
  CapacityMode capacity = CapacityMode::factor;
  double capacity_factor = 1.25;
  double eval_capacity_factor = 2.0;
  int64_t min_capacity = 4;
  int64_t fixed_capacity = 64;
  int64_t group_sequences = 2;
  Precision router_precision = Precision::float32;
  double jitter = 0.01;
  double balance_loss = 0.01;
  double z_loss = 0.0;
  double dropout = 0.0;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("count", count, "experts in each sparse layer; 0: the dense twin");
    visit("interval", interval, "every interval-th feed-forward layer is sparse");
    visit("top_k", top_k, "experts a token goes to");
    visit("convention", convention,
          "hugging_face: padding is routed, jitter reaches the experts, and losses are a stack's "
          "and not a layer's, as in SwitchTransformers");
    visit("capacity", capacity,
          "factor: tokens x factor / experts; fixed: fixed_capacity; dropless: no limit");
    visit("capacity_factor", capacity_factor, "capacity factor in training");
    visit("eval_capacity_factor", eval_capacity_factor, "capacity factor in evaluation");
    visit("min_capacity", min_capacity, "least capacity of an expert in a group");
    visit("fixed_capacity", fixed_capacity,
          "tokens an expert takes from a group when capacity is fixed");
    visit("group_sequences", group_sequences,
          "consecutive sequences that form a routing group, on every mesh");
    visit("router_precision", router_precision,
          "float32; bfloat16 rounds what the router computes, to show why not");
    visit("jitter", jitter, "router input is multiplied by U(1 - jitter, 1 + jitter) in training");
    visit("balance_loss", balance_loss, "coefficient of the load-balancing loss");
    visit("z_loss", z_loss, "coefficient of the router z-loss");
    visit("dropout", dropout, "dropout on the inner activation of experts");
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
  double dropout = 0.0;
  double init_scale = 0.1;
  int64_t relative_buckets = 32;
  int64_t relative_max_distance = 128;
  ExpertsSection experts;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("vocab_size", vocab_size,
          "rows of the embedding; auto: pieces and sentinels rounded up to a multiple of 128");
    visit("d_model", d_model, "width of the residual stream");
    visit("d_kv", d_kv, "width of one attention head");
    visit("num_heads", num_heads, "attention heads");
    visit("d_ff", d_ff, "inner width of feed-forward layers and experts");
    visit("encoder_layers", encoder_layers, "blocks in the encoder");
    visit("decoder_layers", decoder_layers, "blocks in the decoder");
    visit("activation", activation, "relu | gelu | geglu");
    visit("tie_embeddings", tie_embeddings,
          "the output projection is the input embedding, scaled by d_model^-0.5");
    visit("dropout", dropout, "dropout everywhere but inside experts");
    visit("init_scale", init_scale, "s in std = sqrt(s / fan_in) of the truncated normal");
    visit("relative_buckets", relative_buckets, "buckets of the relative position bias");
    visit("relative_max_distance", relative_max_distance,
          "distance from which all share the last bucket");
    visit("experts", experts, "the sparse feed-forward layers");
  }
};

struct DataSection {
  std::vector<std::string> train = {"data/sample/c4-train.*.json.gz"};
  std::vector<std::string> validation = {"data/sample/c4-validation.*.json.gz"};
  std::string text_key = "text";
  std::string tokenizer = "data/sample/sentencepiece.model";
  int64_t extra_ids = 100;
  int64_t encoder_length = 128;
  AutoInt decoder_length;
  AutoInt window_tokens;
  double noise_density = 0.15;
  double mean_noise_span = 3.0;
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
        "or zstd");
    visit("validation", validation, "globs of validation shards");
    visit("text_key", text_key, "key of a record under which its text is");
    visit("tokenizer", tokenizer, "SentencePiece model");
    visit("extra_ids", extra_ids,
          "sentinels; appended after the pieces where the model lacks them");
    visit("encoder_length", encoder_length, "tokens of an input sequence, eos included");
    visit("decoder_length", decoder_length,
          "tokens of a target sequence, eos included; auto: derived from span corruption");
    visit("window_tokens", window_tokens,
          "tokens of text an example is made from; auto: derived from span corruption");
    visit("noise_density", noise_density, "share of tokens that is masked");
    visit("mean_noise_span", mean_noise_span, "mean length of a masked span");
    visit("document_separator", document_separator,
          "what stands between joined documents: none (T5) or eos");
    visit("streams", streams,
          "virtual data streams; data ranks divide it, and it divides train.global_batch");
    visit("shuffle_buffer", shuffle_buffer, "documents held by a stream's shuffle buffer");
    visit(
        "example_buffer", example_buffer,
        "examples held by a stream's second shuffle buffer, which parts neighbouring windows of a "
        "document; 1: off");
    visit("on_bad_record", on_bad_record, "skip (counted, reported) or fail");
    visit(
        "max_bad_shards", max_bad_shards,
        "share of the shards that may be unreadable or give no text before the run stops; one may "
        "be, however few there are, unless this is 0");
    visit("max_document_bytes", max_document_bytes, "a longer line is a bad record");
    visit("loader_threads", loader_threads, "threads of a rank that read and tokenise ahead");
    visit("read_ahead_batches", read_ahead_batches, "batches prepared ahead of the step");
  }
};

struct OptimizerSection {
  OptimizerName name = OptimizerName::adafactor;
  double learning_rate = 1.0;
  ScheduleName schedule = ScheduleName::rsqrt;
  int64_t warmup_steps = 1000;
  double clip_norm = 1.0;
  double decay_exponent = 0.8;
  double update_clip = 1.0;
  int64_t factor_from = 128;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  NonFinitePolicy on_nonfinite = NonFinitePolicy::stop;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", name, "adafactor | adamw");
    visit("learning_rate", learning_rate, "multiplies the schedule");
    visit("schedule", schedule,
          "rsqrt: 1/sqrt(max(step, warmup)); constant; linear or cosine to 0 at train.steps; the "
          "last three rise linearly over the warm-up");
    visit("warmup_steps", warmup_steps, "steps of warm-up");
    visit("clip_norm", clip_norm, "gradients are scaled down to this global norm; 0: off");
    visit("decay_exponent", decay_exponent,
          "adafactor: the second moment decays by 1 - step^-exponent");
    visit("update_clip", update_clip, "adafactor: largest root mean square of an update");
    visit("factor_from", factor_from,
          "adafactor: a matrix with a shorter side keeps its whole second moment, unfactored");
    visit("beta1", beta1, "adamw: decay of the first moment");
    visit("beta2", beta2, "adamw: decay of the second moment");
    visit("epsilon", epsilon, "adamw: added to the root of the second moment");
    visit("weight_decay", weight_decay, "decoupled weight decay, times the learning rate");
    visit("on_nonfinite", on_nonfinite,
          "a loss or gradient that is not finite: stop, or skip the step");
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

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("steps", steps, "optimiser steps of the whole run");
    visit("global_batch", global_batch, "sequences a step, over all ranks");
    visit("micro_batch", micro_batch, "sequences a rank runs at a time; accumulation follows");
    visit("log_every", log_every, "steps between metric lines");
    visit("eval_every", eval_every, "steps between evaluations; 0: never");
    visit("eval_sequences", eval_sequences, "sequences of an evaluation");
    visit("checkpoint_every", checkpoint_every, "steps between checkpoints; 0: only at the end");
    visit("keep_checkpoints", keep_checkpoints, "newest checkpoints kept; 0: all");
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
    visit("run", run, "name and place of the run");
    visit("backend", backend,
          "auto | cpu | cuda; auto takes cuda where it was built and a GPU is present");
    visit("precision", precision, "float32 | bfloat16 compute; master weights are float32");
    visit("mesh", mesh, "how ranks share the work");
    visit("model", model, "the Switch Transformer");
    visit("data", data, "text and how it becomes examples");
    visit("optimizer", optimizer, "optimiser and schedule");
    visit("train", train, "length of the run, batches, logging, checkpoints");
  }
};

}  // namespace sy
