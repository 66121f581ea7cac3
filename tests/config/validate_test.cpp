// SPDX-License-Identifier: Apache-2.0
// Each rule is broken once, alone, starting from the defaults.

#include <catch2/catch.hpp>

#include <limits>

#include "tests/config/support.h"

namespace sy {
namespace {
using test::says;

std::string errors_after(const std::vector<std::string>& overrides) {
  const std::string failure = test::parse_failure("run: {}", overrides);
  return failure.starts_with("--set ") ? failure.substr(6) : failure;
}

TEST_CASE("validate: the defaults are valid", "[validate]") {
  CHECK(find_errors(RunConfig{}).empty());
}

TEST_CASE("validate: numbers out of range", "[validate]") {
  const std::string override = GENERATE(
      "run.seed=-1", "run.threads=0", "run.hang_timeout_seconds=-1", "mesh.expert=0",
      "model.vocab_size=0", "model.d_model=0", "model.d_model=1048577", "model.d_kv=0",
      "model.num_heads=-4", "model.d_ff=0", "model.encoder_layers=0", "model.decoder_layers=0",
      "model.pad_id=-1", "model.eos_id=-1", "model.start_id=-1", "model.dropout=1",
      "model.dropout=-0.1", "model.init_scale=0", "model.init_scale=1e+31",
      "model.initialisation.attention=0", "model.initialisation.relative_bias=-1",
      "model.initialisation.router=0", "optimizer.step_offset=-1", "model.experts.count=-1",
      "model.experts.interval=0", "model.experts.capacity_factor=0",
      "model.experts.eval_capacity_factor=-1", "model.experts.min_capacity=0",
      "model.experts.fixed_capacity=0", "model.experts.group_sequences=0", "model.experts.jitter=1",
      "model.experts.top_k=0", "model.experts.top_k=3", "model.experts.second_threshold=0",
      "model.experts.sample_temperature=0", "model.experts.router_dropout=1",
      "model.experts.balance_loss=-1", "model.experts.second_place_loss=-1",
      "model.experts.importance_loss=-1", "model.experts.load_loss=-1", "model.experts.z_loss=-1",
      "model.experts.dropout=1", "data.extra_ids=0", "data.encoder_length=3",
      "data.encoder_length=1048577", "data.decoder_length=1", "data.window_tokens=1",
      "data.noise_density=0", "data.noise_density=0.91", "data.mean_noise_span=0.9",
      "data.streams=0", "data.shuffle_buffer=0", "data.max_bad_shards=-0.1",
      "data.max_bad_shards=1.1", "data.max_document_bytes=0", "data.loader_threads=0",
      "data.read_ahead_batches=0", "optimizer.learning_rate=0", "optimizer.warmup_steps=0",
      "optimizer.clip_norm=-1", "optimizer.decay_exponent=0", "optimizer.decay_exponent=1.1",
      "optimizer.update_clip=0", "optimizer.factor_from=0", "optimizer.beta1=1",
      "optimizer.beta2=1", "optimizer.epsilon=0", "optimizer.weight_decay=-1", "train.steps=0",
      "train.global_batch=0", "train.micro_batch=0", "train.log_every=0", "train.eval_every=-1",
      "train.eval_sequences=0", "train.checkpoint_every=-1", "train.keep_checkpoints=-1",
      "train.logit_z_loss=-1", "model.experts.group_tokens.encoder=0",
      "model.experts.group_tokens.decoder=-1", "distill.soft=-0.1", "distill.soft=1.1",
      "distill.temperature=0", "distill.start_step=-1");
  const std::string key = override.substr(0, override.find('='));
  const std::string value = override.substr(key.size() + 1);
  const std::string error = errors_after({override});
  CHECK(error.starts_with(key + ": " + value));
  CHECK(says(error, {"out of range", "use "}));
}

TEST_CASE("validate: what this version lacks", "[validate]") {
  CHECK(errors_after({"backend=cuda"}).empty());
  CHECK(errors_after({"precision=bfloat16"}).empty());
  CHECK(says(errors_after({"model.experts.router_precision=bfloat16"}),
             {"model.experts.router_precision: bfloat16", "precision: bfloat16"}));
  CHECK(says(errors_after({"precision=bfloat16", "model.experts.router_precision=bfloat16",
                           "model.experts.convention=hugging_face", "model.experts.capacity=fixed",
                           "model.experts.group_sequences=1", "model.experts.jitter=0.01"}),
             {"model.experts.jitter: 0.01", "hugging_face", "use 0"}));
  const std::string rounded = "model.experts.router_precision=mesh_tensorflow_bfloat16";
  CHECK(says(errors_after({rounded}), {"mesh_tensorflow_bfloat16 requires precision: bfloat16"}));
  CHECK(errors_after({"precision=bfloat16", rounded}).empty());
  CHECK(says(errors_after({"precision=bfloat16", rounded, "model.experts.top_k=2"}),
             {"model.experts.router_precision", "one expert per token", "use bfloat16"}));
  CHECK(says(errors_after({"precision=bfloat16", rounded, "model.experts.dropout=0.4"}),
             {"model.experts.dropout: 0.4", "share rows", "use 0"}));
  CHECK(says(errors_after({"precision=bfloat16", rounded, "model.experts.balance_bias=0.01"}),
             {"model.experts.balance_bias: 0.01", "mesh_tensorflow_bfloat16", "use 0"}));
  // What rounds no result of the router needs no bfloat16 elsewhere.
  CHECK(errors_after({"model.experts.router_precision=bfloat16_weight"}).empty());
  const std::string places = "model.experts.router_precision=bfloat16_places";
  CHECK(errors_after({places, "model.experts.balance_bias=0.01"}).empty());
  for (const char* other : {"hash", "no_token_left_behind"}) {
    CHECK(says(errors_after({places, fmt::format("model.experts.routing={}", other)}),
               {"model.experts.router_precision: bfloat16_places", "learned router"}));
  }
  CHECK(says(errors_after({places, "model.experts.convention=hugging_face",
                           "model.experts.capacity=fixed", "model.experts.group_sequences=1"}),
             {"bfloat16_places is not available", "hugging_face"}));
  CHECK(errors_after({"mesh.model=2"}).empty());
  const std::string attention = "model.experts.attention.decoder=[0, 1]";
  CHECK(errors_after({attention, "mesh.model=2"}).empty());
  CHECK(errors_after(
            {attention, "model.experts.layers.encoder=[]", "model.experts.layers.decoder=[]"})
            .empty());
  CHECK(says(errors_after({"model.experts.attention.decoder=[4]"}),
             {"model.experts.attention.decoder: 4 is not one of the layers 0 to 3"}));
  CHECK(says(errors_after({attention, "mesh.model=2", "model.experts.attention_form=linear"}),
             {"model.experts.attention_form: linear", "use ffn"}));
  CHECK(says(errors_after({attention, "model.experts.convention=hugging_face",
                           "model.experts.capacity=fixed", "model.experts.group_sequences=1"}),
             {"model.experts.attention", "hugging_face, whose attention is dense"}));
  CHECK(errors_after({"mesh.zero_stage=1"}).empty());
  for (const char* other : {"-1", "2", "3"}) {
    CHECK(says(errors_after({fmt::format("mesh.zero_stage={}", other)}),
               {fmt::format("mesh.zero_stage: {} is out of range", other), "use 0 to 1"}));
  }
}

TEST_CASE("validate: values that do not fit each other", "[validate]") {
  using Words = std::vector<std::string>;
  using Case = std::pair<Words, Words>;  // overrides, and what the message names
  const auto [overrides, words] = GENERATE(
      Case{{"run.name=a/b"}, {"run.name: 'a/b'", "run.directory"}},
      Case{{"run.name=.."}, {"run.name: '..'"}},
      Case{{"run.directory=''"}, {"run.directory: ", "empty"}},
      Case{{"model.relative_buckets=31"}, {"model.relative_buckets: 31", "even"}},
      Case{{"model.relative_buckets=2"}, {"model.relative_buckets: 2", "4 to 4096"}},
      Case{{"model.relative_max_distance=16"},
           {"model.relative_max_distance: 16", "model.relative_buckets (32)"}},
      Case{{"model.experts.interval=5"},
           {"model.experts.interval: 5", " 4;", "model.experts.count to 0"}},
      Case{{"model.experts.convention=hugging_face", "model.experts.group_sequences=1"},
           {"model.experts.capacity: factor", "fixed or dropless"}},
      Case{{"model.experts.convention=hugging_face", "model.experts.capacity=fixed"},
           {"model.experts.group_sequences: 2", "use 1"}},
      Case{{"model.experts.convention=hugging_face", "model.experts.capacity=fixed",
            "model.experts.group_sequences=1", "model.experts.group_tokens.encoder=128"},
           {"model.experts.group_tokens: ", "hugging_face", "use auto"}},
      Case{{"model.experts.routing=hash", "model.experts.top_k=2"},
           {"model.experts.routing: hash", "model.experts.top_k is 2"}},
      Case{{"model.experts.routing=hash", "model.experts.convention=hugging_face",
            "model.experts.capacity=fixed", "model.experts.group_sequences=1"},
           {"model.experts.routing: hash", "use learned"}},
      Case{{"model.experts.routing=no_token_left_behind", "model.experts.top_k=2"},
           {"model.experts.routing: no_token_left_behind", "model.experts.top_k is 2"}},
      Case{{"model.experts.routing=no_token_left_behind", "model.experts.capacity=dropless"},
           {"model.experts.routing: no_token_left_behind", "use learned"}},
      Case{{"model.experts.routing=no_token_left_behind", "model.experts.convention=hugging_face",
            "model.experts.capacity=fixed", "model.experts.group_sequences=1"},
           {"model.experts.routing: no_token_left_behind", "hugging_face", "use learned"}},
      Case{{"model.experts.routing=no_token_left_behind", "model.experts.ntlb_top_k=9"},
           {"model.experts.ntlb_top_k: 9", "model.experts.count (8)"}},
      Case{{"model.experts.routing=expert_choice", "model.experts.eval_capacity_factor=1.25"},
           {"model.experts.routing: expert_choice", "set model.experts.layers.decoder to []"}},
      Case{{"model.experts.routing=expert_choice", "model.experts.layers.decoder=[]",
            "model.experts.capacity_factor=1.5"},
           {"model.experts.eval_capacity_factor: 2", "use model.experts.capacity_factor, 1.5"}},
      Case{{"model.experts.routing=expert_choice", "model.experts.eval_capacity_factor=1.25",
            "model.experts.layers.decoder=[]", "model.experts.attention.decoder=[0]"},
           {"model.experts.routing: expert_choice", "set model.experts.attention.decoder to []"}},
      Case{{"model.experts.routing=expert_choice", "model.experts.eval_capacity_factor=1.25",
            "model.experts.layers.decoder=[]", "model.experts.top_k=2"},
           {"model.experts.routing: expert_choice", "model.experts.top_k is 2"}},
      Case{{"model.experts.routing=expert_choice", "model.experts.layers.decoder=[]",
            "model.experts.capacity=dropless"},
           {"model.experts.routing: expert_choice", "use factor or fixed"}},
      Case{{"model.experts.routing=expert_choice", "model.experts.layers.decoder=[]",
            "model.experts.convention=hugging_face", "model.experts.capacity=fixed",
            "model.experts.group_sequences=1"},
           {"model.experts.routing: expert_choice", "use learned"}},
      Case{{"model.experts.routing=expert_choice", "model.experts.eval_capacity_factor=1.25",
            "model.experts.layers.decoder=[]", "model.experts.balance_bias=0.01"},
           {"model.experts.balance_bias: 0.01", "use 0"}},
      Case{{"model.experts.routing=expert_choice", "model.experts.eval_capacity_factor=1.25",
            "model.experts.layers.decoder=[]", "model.experts.exploration=sample"},
           {"model.experts.routing: expert_choice", "another one"}},
      Case{{"model.experts.second_place_loss=0.01"},
           {"model.experts.second_place_loss: 0.01", "model.experts.top_k is 1"}},
      Case{{"model.experts.importance_loss=0.1", "model.experts.routing=hash"},
           {"model.experts.importance_loss: 0.1", "use 0"}},
      Case{{"model.experts.load_loss=0.1"},
           {"model.experts.load_loss: 0.1", "with exploration noise"}},
      Case{{"model.experts.exploration=noise", "model.experts.router_precision=bfloat16",
            "precision=bfloat16"},
           {"model.experts.exploration: noise", "router_precision to float32"}},
      Case{{"model.experts.balance_bias=0.01", "model.experts.routing=hash"},
           {"model.experts.balance_bias: 0.01 needs", "routing is hash"}},
      Case{{"model.experts.balance_bias=0.01", "model.experts.convention=hugging_face",
            "model.experts.capacity=fixed", "model.experts.group_sequences=1"},
           {"model.experts.balance_bias: 0.01", "hugging_face", "use 0"}},
      Case{{"model.experts.balance_bias=0.01", "model.experts.exploration=sample"},
           {"model.experts.balance_bias: 0.01", "another exploration"}},
      Case{{"model.experts.balance_bias=0.01", "model.experts.eval_exploration=sample"},
           {"model.experts.balance_bias: 0.01", "another exploration"}},
      Case{{"model.experts.shared_expert=64", "model.experts.convention=hugging_face",
            "model.experts.capacity=fixed", "model.experts.group_sequences=1"},
           {"model.experts.shared_expert: 64", "hugging_face", "use 0"}},
      Case{{"model.experts.top_k=2", "model.experts.count=1"},
           {"model.experts.top_k: 2 needs two experts", "model.experts.count is 1"}},
      Case{{"model.experts.top_k=2", "model.experts.convention=hugging_face",
            "model.experts.capacity=fixed", "model.experts.group_sequences=1"},
           {"model.experts.top_k: 2", "hugging_face", "use 1"}},
      Case{{"model.experts.top_k=2", "model.experts.exploration=sample"},
           {"model.experts.exploration: sample", "model.experts.top_k: 1"}},
      Case{{"model.experts.top_k=2", "model.experts.eval_exploration=sample"},
           {"model.experts.eval_exploration: sample", "use argmax"}},
      Case{{"model.experts.convention=hugging_face", "model.experts.capacity=fixed",
            "model.experts.group_sequences=1", "model.experts.exploration=input_dropout"},
           {"model.experts.exploration: input_dropout", "use jitter or argmax"}},
      Case{{"model.experts.convention=hugging_face", "model.experts.capacity=fixed",
            "model.experts.group_sequences=1", "model.experts.eval_exploration=sample"},
           {"model.experts.eval_exploration: sample", "hugging_face", "use argmax"}},
      Case{{"mesh.expert=3"}, {"mesh.expert: 3", "model.experts.count (8)"}},
      Case{{"model.vocab_size=103"}, {"model.vocab_size: 103", "data.extra_ids (100)"}},
      Case{{"data.format=ids"}, {"model.vocab_size: auto", "data.format: ids", "(100)"}},
      Case{{"data.format=csv"}, {"data.format: ", "'csv'", "text or ids"}},
      Case{{"data.train=[]"}, {"data.train: ", "empty list"}},
      Case{{"data.validation=['']"}, {"data.validation: ", "entry 0"}},
      Case{{"data.mixture.exponent=-1"}, {"data.mixture.exponent: ", "-1"}},
      Case{{"data.mixture.cap=-1"}, {"data.mixture.cap: ", "-1"}},
      Case{{"data.bucket_batches=4"}, {"data.bucket_batches: 4", "data.tasks", "set it to 1"}},
      Case{{"data.bucket_batches=4", "data.packing=true", "data.decoder_length=8",
            "data.tasks=[{name: squad, train: [x], validation: [y]}]"},
           {"data.bucket_batches: 4", "data.packing", "set it to 1"}},
      Case{{"data.corpora=[{name: 'a b', train: [x], validation: [y]}]"},
           {"data.corpora[0].name: ", "'a b'", "such as en"}},
      Case{{"data.corpora=[{name: en, train: [x], validation: [y]}, {name: en, train: [z]}]"},
           {"data.corpora[1].name: ", "'en'", "an earlier one"}},
      Case{{"data.corpora=[{name: en, train: [], validation: [y]}]"},
           {"data.corpora[0].train: ", "empty list"}},
      Case{{"data.corpora=[{name: en, train: [x], validation: ['']}]"},
           {"data.corpora[0].validation: ", "entry 0"}},
      Case{{"data.corpora=[{name: en, train: [x], validation: [y], rate: 0}]"},
           {"data.corpora[0].rate: ", "above 0"}},
      Case{{"data.corpora=[{name: en, train: [x], validation: [y], rate: 1}, {name: sw, train: "
            "[z]}]"},
           {"data.corpora[].rate: ", "1 of the 2", "data.mixture"}},
      Case{{"data.corpora=[{name: en, train: [x], validation: [y], size: 9}, {name: sw, train: "
            "[z]}]"},
           {"data.corpora[].size: ", "1 of the 2", "the same unit"}},
      Case{{"data.corpora=[{name: en, train: [x]}]"},
           {"train.eval_every: ", "none of data.corpora", "set 0"}},
      Case{{"data.corpora=[{name: en, train: [x], validation: [y]}]",
            "data.tasks=[{name: squad, train: [x], validation: [y]}]", "data.decoder_length=9"},
           {"data.corpora: ", "data.tasks"}},
      Case{{"data.tokenizer=''"}, {"data.tokenizer: ", "empty", "tokenizer train"}},
      Case{{"data.encoder_length=2048"},
           {"data.extra_ids: 100", "114", "2274", "data.mean_noise_span"}},
      Case{{"data.window_tokens=142"},
           {"data.window_tokens: 142", "129", "data.encoder_length (128)"}},
      Case{{"data.decoder_length=28"}, {"data.decoder_length: 28", "29", "141"}},
      Case{{"data.noise_density=0.6", "data.mean_noise_span=1", "data.extra_ids=5000"},
           {"data.noise_density: 0.6", "76", "51", "data.mean_noise_span"}},
      Case{{"optimizer.schedule=cosine"}, {"optimizer.warmup_steps: 1000", "train.steps (300)"}},
      Case{{"optimizer.step_offset=300"}, {"optimizer.step_offset: 300", "train.steps (300)"}},
      Case{{"data.streams=12", "train.eval_every=0"},
           {"data.streams: 12", "train.global_batch (32)"}},
      Case{{"train.micro_batch=6"}, {"train.micro_batch: 6", "train.global_batch (32)"}},
      Case{{"model.experts.group_sequences=16"},
           {"train.micro_batch: 8", "model.experts.group_sequences (16)"}},
      Case{{"model.experts.group_sequences=16", "model.experts.capacity=dropless"},
           {"train.micro_batch: 8", "model.experts.group_sequences (16)"}},
      Case{{"train.eval_sequences=60"}, {"train.eval_sequences: 60", "data.streams (8)"}},
      Case{{"train.keep_every=250"}, {"train.keep_every: 250", "train.checkpoint_every (100)"}});
  CAPTURE(overrides, errors_after(overrides));
  CHECK(says(errors_after(overrides), words));
}

TEST_CASE("validate: objectives", "[validate]") {
  const std::string ul2 = "data.objective=ul2";
  const auto listed = [&](const std::string& list) {
    return errors_after({ul2, "data.denoisers=[" + list + "]"});
  };
  for (const char* objective : {"prefix_lm", "next_token", "ul2"}) {
    CHECK(errors_after({std::string("data.objective=") + objective}).empty());
  }
  CHECK(listed("{name: A, kind: prefix, noise_density: 0.5}, {name: B}").empty());
  CHECK(says(errors_after({"data.denoisers=[{name: A}]"}),
             {"data.denoisers: ", "span_corruption", "ul2"}));
  CHECK(says(errors_after({ul2, "data.denoisers=3"}), {"data.denoisers: ", "a list", "'3'"}));
  CHECK(says(listed("{name: A, weight: 0}"), {"data.denoisers[0].weight: 0", "above 0"}));
  CHECK(says(listed("{name: A}, {}"), {"data.denoisers[1].name: ", "empty"}));
  CHECK(says(listed("{name: A, noise_density: 1}"), {"data.denoisers[0].noise_density: 1"}));
  CHECK(says(listed("{name: A, mean_noise_span: 0}"), {"data.denoisers[0].mean_noise_span: 0"}));
  CHECK(says(listed("{name: A, kind: sentence}"),
             {"data.denoisers[0].kind: ", "'sentence'", "random_prefix"}));
  CHECK(says(listed("{name: A, wieght: 2}"), {"data.denoisers[0].wieght: ", ".weight?"}));
  CHECK(says(listed("{name: A, mode_token: <extra_id_100>}"),
             {"data.denoisers[0].mode_token: <extra_id_100>", "data.extra_ids", "lower"}));
  CHECK(errors_after({ul2, "data.extra_ids=3"}).find("data.extra_ids: 3 sentinels leave none") !=
        std::string::npos);
  // Half of a window of 1,135 tokens in spans of 3, beside three mode tokens.
  CHECK(says(errors_after({ul2, "data.encoder_length=1024"}),
             {"data.extra_ids: 100", "189", "192", "data.denoisers[3].mean_noise_span"}));
  CHECK(says(errors_after({ul2, "data.decoder_length=30", "data.window_tokens=100"}),
             {"data.decoder_length: 30", "68 tokens", "100"}));
}

// 8 sequences of 128 and 30 tokens.
TEST_CASE("validate: groups of tokens fill a micro-batch and an evaluation", "[validate]") {
  const auto with = [](const std::string& encoder, const std::string& decoder) {
    return errors_after({"data.decoder_length=30", "model.experts.group_tokens.encoder=" + encoder,
                         "model.experts.group_tokens.decoder=" + decoder});
  };
  CHECK(with("1024", "48").empty());
  CHECK(with("1", "240").empty());
  CHECK(with("auto", "40").empty());
  // Four and a half sequences of the decoder, two of the encoder.
  const auto names = [](const std::string& errors, const std::string& words) {
    return errors.find(words) != std::string::npos;
  };
  const std::string both = with("auto", "135"), thirds = with("384", "50");
  CHECK(names(both, "train.micro_batch: 8 is not a multiple of the sequences that hold whole"));
  CHECK(names(both, "model.experts.group_tokens auto | 135 (18), but"));
  CHECK(names(both, "train.eval_sequences: 64 is not a multiple of"));
  CHECK(names(both, "(18); use one"));
  CHECK(names(thirds, "384 | 50 (15)"));
  CHECK(with("4096", "48").find("(32)") != std::string::npos);
}

TEST_CASE("validate: lists of sparse layers", "[validate]") {
  const auto with = [](const std::string& encoder, const std::string& decoder) {
    return errors_after(
        {"model.experts.layers.encoder=" + encoder, "model.experts.layers.decoder=" + decoder});
  };
  CHECK(with("[0, 3]", "[]").empty());
  CHECK(with("[]", "auto").empty());
  CHECK(says(with("[4]", "auto"), {"model.experts.layers.encoder: 4", "0 to 3"}));
  CHECK(says(with("[1]", "[2, 2]"), {"model.experts.layers.decoder: 2", "ascending"}));
  CHECK(says(with("[]", "[]"), {"model.experts.layers: ", "no sparse layer"}));
  CHECK(says(errors_after({"model.experts.layers.encoder=3"}),
             {"model.experts.layers.encoder: ", "list of integers or auto", "'3'"}));
  CHECK(says(errors_after({"model.experts.layers.encoder=[x]"}),
             {"model.experts.layers.encoder: ", "integer", "'x'"}));
}

TEST_CASE("validate: special ids lie in the vocabulary", "[validate]") {
  CHECK(errors_after({"model.vocab_size=200", "model.eos_id=199"}).empty());
  CHECK(says(errors_after({"model.vocab_size=200", "model.eos_id=200"}),
             {"model.eos_id: 200", "model.vocab_size (200)"}));
}

TEST_CASE("validate: rules that a choice lifts", "[validate]") {
  CHECK(errors_after({"model.experts.group_sequences=16", "model.experts.count=0"}).empty());
  CHECK(errors_after({"train.eval_sequences=60", "train.eval_every=0"}).empty());
  CHECK(errors_after({"data.validation=[]", "train.eval_every=0"}).empty());
  CHECK(errors_after({"data.corpora=[{name: en, train: [x]}]", "train.eval_every=0"}).empty());
  CHECK(errors_after({"data.corpora=[{name: en, train: [x], validation: [y], rate: 2}]",
                      "data.train=[]", "data.validation=[]"})
            .empty());
  CHECK(errors_after({"optimizer.schedule=constant", "optimizer.warmup_steps=0"}).empty());
}

TEST_CASE("validate: what is not a number is out of range", "[validate]") {
  RunConfig config;
  config.model.dropout = std::numeric_limits<double>::quiet_NaN();
  config.optimizer.learning_rate = std::numeric_limits<double>::infinity();
  CHECK(find_errors(config).size() == 2);
}

TEST_CASE("validate: the mesh", "[validate]") {
  RunConfig config;  // 8 streams, batch 32 by 8, 8 experts, 64 evaluated
  for (const int ranks : {1, 2, 4}) CHECK(find_mesh_errors(config, ranks).empty());
  const auto one = [&](int ranks) {
    const std::vector<std::string> errors = find_mesh_errors(config, ranks);
    REQUIRE(errors.size() == 1);
    return errors[0];
  };
  CHECK(says(one(8), {"train.micro_batch: 8", "4 of 32", "divisor of 4", "multiple of 64"}));
  const std::vector<std::string> three = find_mesh_errors(config, 3);
  REQUIRE(three.size() == 3);
  CHECK(says(three[0], {"data.streams: 8", "3 data ranks", "train.global_batch (32)"}));
  CHECK(says(three[1], {"train.global_batch: 32", "3 data ranks"}));
  CHECK(says(three[2], {"train.eval_sequences: 64", "3 data ranks"}));
  config.mesh.expert = {false, 4};
  CHECK(says(one(2), {"mesh.expert: 4", "2 data ranks"}));
  config.mesh = {};
  config.mesh.model = 4;
  config.model.num_heads = config.model.d_ff = 12;
  for (const int ranks : {4, 8, 16}) CHECK(find_mesh_errors(config, ranks).empty());
  CHECK(says(one(6), {"mesh.model: 4", "number of ranks (6)", "use 1, 2, 3 or 6"}));
  config.model.num_heads = 6;
  config.model.d_ff = 18;
  config.model.vocab_size = {false, 1002};
  const std::vector<std::string> shards = find_mesh_errors(config, 12);
  REQUIRE(shards.size() > 3);
  CHECK(says(shards[0], {"mesh.model: 4", "model.num_heads (6)", "use 1, 2, 3 or 6"}));
  CHECK(says(shards[1], {"mesh.model: 4", "model.d_ff (18)", "use 1, 2, 3 or 6"}));
  CHECK(says(shards[2], {"mesh.model: 4", "model.vocab_size (1002)", "use 1, 2, 3 or 6"}));
  // Rows travel by columns only where experts are spread over ranks.
  config.model.num_heads = config.model.d_ff = config.model.vocab_size.value = 1012;
  config.model.d_model = 6;
  CHECK(find_mesh_errors(config, 4).empty());
  CHECK(says(one(8), {"mesh.model: 4", "model.d_model (6)", "use 1 or 2"}));
  config.model.d_model = 8;
  config.mesh.sequence_parallel = true;
  config.data.encoder_length = 511;
  config.data.decoder_length = {false, 1023};
  config.train.micro_batch = 2;
  const std::vector<std::string> rows = find_mesh_errors(config, 8);
  REQUIRE(rows.size() == 2);
  CHECK(says(rows[0], {"mesh.model: 4", "data.encoder_length (1022)", "use 1 or 2"}));
  CHECK(says(rows[1], {"mesh.model: 4", "data.decoder_length (2046)", "use 1 or 2"}));
  config = {};
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
    CHECK(find_errors(config).empty());
  }
}

}  // namespace
}  // namespace sy
