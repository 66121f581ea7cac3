// Each rule is broken once, alone, starting from the defaults.

#include <catch2/catch.hpp>

#include <limits>

#include "tests/config/support.h"

namespace sy {
namespace {

std::string faults_after(const std::vector<std::string>& overrides) {
  const std::string failure = test::parse_failure("run: {}", overrides);
  return failure.starts_with("--set ") ? failure.substr(6) : failure;
}

TEST_CASE("validate: the defaults are valid", "[validate]") {
  CHECK(find_faults(RunConfig{}).empty());
}

TEST_CASE("validate: numbers out of range", "[validate]") {
  const std::string override = GENERATE(
      "run.seed=-1", "run.threads=0", "run.hang_timeout_seconds=-1", "mesh.expert=0",
      "model.vocab_size=0", "model.d_model=0", "model.d_model=1048577", "model.d_kv=0",
      "model.num_heads=-4", "model.d_ff=0", "model.encoder_layers=0", "model.decoder_layers=0",
      "model.dropout=1", "model.dropout=-0.1", "model.init_scale=0", "model.init_scale=1e+31",
      "model.experts.count=-1", "model.experts.interval=0", "model.experts.capacity_factor=0",
      "model.experts.eval_capacity_factor=-1", "model.experts.min_capacity=0",
      "model.experts.fixed_capacity=0", "model.experts.group_sequences=0", "model.experts.jitter=1",
      "model.experts.balance_loss=-1", "model.experts.z_loss=-1", "model.experts.dropout=1",
      "data.extra_ids=0", "data.encoder_length=3", "data.encoder_length=1048577",
      "data.decoder_length=1", "data.window_tokens=1", "data.noise_density=0",
      "data.noise_density=0.91", "data.mean_noise_span=0.9", "data.streams=0",
      "data.shuffle_buffer=0", "data.max_bad_shards=-0.1", "data.max_bad_shards=1.1",
      "data.max_document_bytes=0", "data.loader_threads=0", "data.read_ahead_batches=0",
      "optimizer.learning_rate=0", "optimizer.warmup_steps=0", "optimizer.clip_norm=-1",
      "optimizer.decay_exponent=0", "optimizer.decay_exponent=1.1", "optimizer.update_clip=0",
      "optimizer.factor_from=0", "optimizer.beta1=1", "optimizer.beta2=1", "optimizer.epsilon=0",
      "optimizer.weight_decay=-1", "train.steps=0", "train.global_batch=0", "train.micro_batch=0",
      "train.log_every=0", "train.eval_every=-1", "train.eval_sequences=0",
      "train.checkpoint_every=-1", "train.keep_checkpoints=-1");
  const std::string key = override.substr(0, override.find('='));
  const std::string value = override.substr(key.size() + 1);
  const std::string fault = faults_after({override});
  CHECK(fault.starts_with(key + ": " + value + " is out of range; use "));
  CHECK(fault.find('\n') == std::string::npos);  // alone
}

TEST_CASE("validate: what this version lacks", "[validate]") {
  CHECK(faults_after({"backend=cuda"}).empty());
  CHECK(faults_after({"precision=bfloat16"}).empty());
  CHECK(faults_after({"model.experts.router_precision=bfloat16"}) ==
        "model.experts.router_precision: bfloat16 needs precision: bfloat16; use float32 here, or "
        "bfloat16 there");
  CHECK(faults_after({"precision=bfloat16", "model.experts.router_precision=bfloat16",
                      "model.experts.convention=hugging_face", "model.experts.capacity=fixed",
                      "model.experts.group_sequences=1", "model.experts.jitter=0.01"}) ==
        "model.experts.jitter: 0.01 cannot go with a bfloat16 router in model.experts.convention "
        "hugging_face; use 0, or model.experts.router_precision: float32");
  CHECK(faults_after({"mesh.model=2"}) ==
        "mesh.model: only 1 is available in this version, got 2; use 1");
  CHECK(faults_after({"mesh.zero_stage=1"}) ==
        "mesh.zero_stage: only 0 is available in this version, got 1; use 0");
  CHECK(faults_after({"model.experts.top_k=2"}) ==
        "model.experts.top_k: only 1 is available in this version, got 2; use 1");
}

TEST_CASE("validate: values that do not fit each other", "[validate]") {
  using Case = std::pair<std::vector<std::string>, std::string>;
  const auto [overrides, fault] = GENERATE(
      Case{{"run.name=a/b"}, "run.name: 'a/b' has a slash; put the folder into run.directory"},
      Case{{"run.name=.."}, "run.name: '..' cannot be a folder's name; give the run a name"},
      Case{{"run.directory=''"}, "run.directory: is empty; use . for the current folder"},
      Case{{"model.relative_buckets=31"},
           "model.relative_buckets: 31 is not an even number from 4 to 4096; T5 uses 32"},
      Case{{"model.relative_buckets=2"},
           "model.relative_buckets: 2 is not an even number from 4 to 4096; T5 uses 32"},
      Case{{"model.relative_max_distance=16"},
           "model.relative_max_distance: 16 is out of range; use more than half of "
           "model.relative_buckets (32), T5 uses 128"},
      Case{{"model.experts.interval=5"},
           "model.experts.interval: 5 leaves no sparse layer among 4; lower it, or set "
           "model.experts.count to 0 for a dense model"},
      Case{{"model.experts.convention=hugging_face", "model.experts.group_sequences=1"},
           "model.experts.capacity: factor does not exist in model.experts.convention "
           "hugging_face; use fixed or dropless"},
      Case{{"model.experts.convention=hugging_face", "model.experts.capacity=fixed"},
           "model.experts.group_sequences: 2 is more than the one sequence that is a routing group "
           "in model.experts.convention hugging_face; use 1"},
      Case{{"mesh.expert=3"},
           "mesh.expert: 3 does not divide model.experts.count (8); use auto or a divisor"},
      Case{{"model.vocab_size=103"},
           "model.vocab_size: 103 has no room for data.extra_ids (100) and pieces; use auto"},
      Case{{"data.train=[]"}, "data.train: is an empty list; name at least one shard or glob"},
      Case{{"data.validation=['']"}, "data.validation: entry 0 is empty; name a shard or glob"},
      Case{{"data.tokenizer=''"},
           "data.tokenizer: is empty; name a SentencePiece model (`switchyard tokenizer train` "
           "makes one)"},
      Case{{"data.encoder_length=2048"},
           "data.extra_ids: 100 sentinels are fewer than the 114 spans masked in a window of 2274 "
           "tokens; raise it, or raise data.mean_noise_span"},
      Case{{"data.window_tokens=142"},
           "data.window_tokens: 142 makes inputs of 129 tokens, more than data.encoder_length "
           "(128); use auto"},
      Case{{"data.decoder_length=28"},
           "data.decoder_length: 28 is less than the 29 tokens of a target from a window of 141; "
           "use auto"},
      Case{{"data.noise_density=0.6", "data.mean_noise_span=1", "data.extra_ids=5000"},
           "data.noise_density: 0.6 masks 76 spans of a window with 51 tokens between them; lower "
           "it or raise data.mean_noise_span"},
      Case{{"optimizer.schedule=cosine"},
           "optimizer.warmup_steps: 1000 leaves the schedule no step of train.steps (300) to fall "
           "in; use fewer"},
      Case{{"data.streams=12", "train.eval_every=0"},
           "data.streams: 12 does not divide train.global_batch (32); use a divisor"},
      Case{{"train.micro_batch=6"},
           "train.micro_batch: 6 does not divide train.global_batch (32); use a divisor"},
      Case{{"model.experts.group_sequences=16"},
           "train.micro_batch: 8 is not a multiple of model.experts.group_sequences (16), and a "
           "routing group stays within a micro-batch; use a multiple"},
      Case{{"model.experts.group_sequences=16", "model.experts.capacity=dropless"},
           "train.micro_batch: 8 is not a multiple of model.experts.group_sequences (16), and a "
           "routing group stays within a micro-batch; use a multiple"},
      Case{{"train.eval_sequences=60"},
           "train.eval_sequences: 60 is not a multiple of data.streams (8); use one"});
  CHECK_THAT(faults_after(overrides), Catch::Contains(fault) && !Catch::Contains("\n"));
}

TEST_CASE("validate: rules that a choice lifts", "[validate]") {
  CHECK(faults_after({"model.experts.group_sequences=16", "model.experts.count=0"}).empty());
  CHECK(faults_after({"train.eval_sequences=60", "train.eval_every=0"}).empty());
  CHECK(faults_after({"data.validation=[]", "train.eval_every=0"}).empty());
  CHECK(faults_after({"optimizer.schedule=constant", "optimizer.warmup_steps=0"}).empty());
}

TEST_CASE("validate: what is not a number is out of range", "[validate]") {
  RunConfig config;
  config.model.dropout = std::numeric_limits<double>::quiet_NaN();
  config.optimizer.learning_rate = std::numeric_limits<double>::infinity();
  CHECK(find_faults(config).size() == 2);
}

TEST_CASE("validate: the mesh", "[validate]") {
  RunConfig config;  // 8 streams, batch 32 by 8, 8 experts, 64 evaluated
  for (const int ranks : {1, 2, 4}) CHECK(find_mesh_faults(config, ranks).empty());
  CHECK(find_mesh_faults(config, 8) ==
        std::vector<std::string>{
            "train.micro_batch: 8 does not divide a rank's share of the batch, 4 of 32 sequences; "
            "use a divisor of 4, or raise train.global_batch to a multiple of 64"});
  CHECK(find_mesh_faults(config, 3) ==
        std::vector<std::string>{
            "data.streams: 8 streams cannot be dealt to 3 data ranks; use a multiple, which must "
            "divide train.global_batch (32)",
            "train.global_batch: 32 sequences cannot be shared by 3 data ranks; use a multiple",
            "train.eval_sequences: 64 cannot be shared by 3 data ranks; use a multiple"});
  config.mesh.expert = {false, 4};
  CHECK(find_mesh_faults(config, 2) ==
        std::vector<std::string>{
            "mesh.expert: 4 does not divide the 2 data ranks; use auto or a divisor"});
  CHECK(expert_ranks(config, 4) == 4);
  config.mesh.expert = {};
  CHECK(expert_ranks(config, 4) == 4);
  CHECK(expert_ranks(config, 12) == 4);
  CHECK(expert_ranks(config, 3) == 1);
  config.model.experts.count = 0;
  CHECK(expert_ranks(config, 4) == 1);
}

TEST_CASE("validate: every sequence length that is allowed has a window that fits it",
          "[validate]") {
  RunConfig config;
  config.data.extra_ids = 1000;
  for (int64_t length = 4; length <= 2048; ++length) {
    CAPTURE(length);
    config.data.encoder_length = length;
    CHECK(find_faults(config).empty());
  }
}

}  // namespace
}  // namespace sy
