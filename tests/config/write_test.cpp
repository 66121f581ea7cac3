// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "lib/config/keys.h"
#include "tests/config/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_CASE("write: what is written reads back, and writes the same again", "[write]") {
  const std::string written = write_config(RunConfig{});
  CHECK(write_config(parse_config(written, "written.yaml")) == written);
  CHECK(written.starts_with("run:\n  name: run\n  directory: runs\n  seed: 1\n"));
  CHECK(written.find("\n  hang_timeout_seconds: 600.0\n  replay_every: 0\nbackend: auto\n") !=
        std::string::npos);
  CHECK(written.find("\n  epsilon: 1e-08\n") != std::string::npos);
}

TEST_CASE("write: every double comes back to the bit", "[write]") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2000; ++i) {
    RunConfig config;
    // Any exponent that is in range, any mantissa.
    config.optimizer.learning_rate =
        std::ldexp(1.0 + 1e-9 * static_cast<double>(random() % 1000000000),
                   static_cast<int>(random() % 1000) - 950);
    const RunConfig back = parse_config(write_config(config), "written.yaml");
    REQUIRE(back.optimizer.learning_rate == config.optimizer.learning_rate);
  }
}

TEST_CASE("write: every text comes back", "[write]") {
  const std::string text = GENERATE("true", "null", "~", "12", "1e5", "a: b", "# no", "*.gz",
                                    " space ", "\"quoted\" 'both' \\", "tab\tnew\nline\x01",
                                    "\xc3\xa9\xe2\x82\xac", "-", "[a, b]", "Yes", "plain-name_1.x");
  RunConfig config;
  config.data.train = {text, "other"};
  config.data.tokenizer = text;
  const RunConfig back = parse_config(write_config(config), "written.yaml");
  CHECK(back.data.train == config.data.train);
  CHECK(back.data.tokenizer == text);
}

TEST_CASE("write: corpora come back", "[write]") {
  RunConfig config;
  config.data.corpora = {{"en", {"a/*.gz", "b c"}, {"v"}, {false, 12.5}, {}},
                         {"zh-cn", {"z"}, {}, {false, 3}, {}}};
  const RunConfig same = parse_config(write_config(config), "written.yaml");
  REQUIRE(same.data.corpora.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(same.data.corpora[i].name == config.data.corpora[i].name);
    CHECK(same.data.corpora[i].train == config.data.corpora[i].train);
    CHECK(same.data.corpora[i].validation == config.data.corpora[i].validation);
    CHECK(same.data.corpora[i].size == config.data.corpora[i].size);
    CHECK(same.data.corpora[i].rate == config.data.corpora[i].rate);
  }
}

TEST_CASE("write: lists of layers and words beside booleans come back", "[write]") {
  RunConfig config;
  config.model.experts.layers = {{false, {0, 3}}, {false, {}}};
  config.model.scale_decoder_outputs = GENERATE(AutoBool::automatic, AutoBool::on, AutoBool::off);
  const std::string written = write_config(config);
  const RunConfig back = parse_config(written, "written.yaml");
  CHECK(back.model.experts.layers.encoder == config.model.experts.layers.encoder);
  CHECK(back.model.experts.layers.decoder == config.model.experts.layers.decoder);
  CHECK(back.model.scale_decoder_outputs == config.model.scale_decoder_outputs);
  CHECK(write_config(back) == written);
}

TEST_CASE("write: denoisers come back", "[write]") {
  RunConfig config;
  config.data.objective = Objective::ul2;
  resolve_config(config, 0);
  REQUIRE(config.data.denoisers.size() == 7);
  config.data.denoisers[0].mode_token = "[R]";
  const std::string written = write_config(config);
  CHECK(parse_config(written, "written.yaml").data.denoisers == config.data.denoisers);
  CHECK(written.find("    - {name: S, kind: prefix, mean_noise_span: 3.0, noise_density: 0.25, "
                     "weight: 1.0, mode_token: \"<extra_id_98>\"}\n") != std::string::npos);
}

TEST_CASE("write: the configurations that come with the program", "[write]") {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SY_SOURCE_DIR "/configs")) {
    CAPTURE(entry.path().string());
    RunConfig config = load_config(entry.path().string(), {});
    CHECK(config.run.name == entry.path().stem().string());
    CHECK(find_mesh_errors(config, 1).empty());
    const AutoInt& vocabulary = config.model.vocab_size;
    resolve_config(config, vocabulary.is_auto ? 32100 : std::min<int64_t>(vocabulary.value, 32100));
    const std::string written = write_config(config);
    CHECK(write_config(parse_config(written, "written.yaml")) == written);
    ++files;
  }
  CHECK(files >= 13);
}

TEST_CASE("resolve: lengths of span corruption and the vocabulary", "[resolve]") {
  RunConfig config = parse_config("data: {encoder_length: 512}", "run.yaml");
  resolve_config(config, 0);
  CHECK(config.data.decoder_length == AutoInt{false, 114});
  CHECK(config.data.window_tokens == AutoInt{false, 568});
  CHECK(config.model.vocab_size.is_auto);
  resolve_config(config, 32100);
  CHECK(config.model.vocab_size == AutoInt{false, 32128});

  RunConfig other = parse_config("run: {}", "run.yaml");
  resolve_config(other, 1030);
  CHECK(other.model.vocab_size == AutoInt{false, 1152});

  RunConfig window = parse_config("data: {encoder_length: 512, window_tokens: 100}", "run.yaml");
  resolve_config(window, 0);
  CHECK(window.data.window_tokens == AutoInt{false, 100});
  CHECK(window.data.decoder_length == AutoInt{false, 21});  // 15 masked in 5 spans, eos

  // A mask of this window has a span more than T5's own estimate.
  RunConfig rounded = parse_config("data: {encoder_length: 640}", "run.yaml");
  resolve_config(rounded, 0);
  CHECK(rounded.data.window_tokens == AutoInt{false, 710});
  CHECK(rounded.data.decoder_length == AutoInt{false, 144});

  RunConfig small = parse_config("model: {vocab_size: 200}", "run.yaml");
  CHECK_THROWS_WITH(resolve_config(small, 201),
                    Catch::StartsWith("model.vocab_size: 200") && Catch::Contains("201"));
}

TEST_CASE("resolve: special ids are the tokenizer's, or T5's", "[resolve]") {
  RunConfig unknown;
  resolve_config(unknown, 0);
  CHECK(unknown.model.eos_id.is_auto);
  CHECK(special_ids(unknown.model).eos == 1);
  RunConfig config;
  resolve_config(config, {600, {}, {false, 2}});  // without padding, as by SentencePiece's defaults
  const SpecialIds ids = special_ids(config.model);
  CHECK(ids.pad == 0);
  CHECK(ids.eos == 2);
  CHECK(ids.start == 0);
  RunConfig padded;
  resolve_config(padded, {600, {false, 3}, {false, 2}});
  CHECK(special_ids(padded.model).start == 3);
  RunConfig wrong = parse_config("model: {eos_id: 1}", "run.yaml");
  CHECK_THROWS_WITH(resolve_config(wrong, {600, {}, {false, 2}}),
                    Catch::StartsWith("model.eos_id: 1"));
}

TEST_CASE("rules: differences of two models, by key", "[resolve]") {
  using Lines = std::vector<std::string>;
  ModelSection was;
  CHECK(model_differences(was, was).empty());
  ModelSection is = was;
  is.dropout = 0.1;
  is.experts.capacity_factor = 2;
  is.scale_decoder_outputs = AutoBool::on;                 // as auto, since embeddings are tied
  is.experts.layers = {{false, {1, 3}}, {false, {1, 3}}};  // as every second of four
  is.eos_id = {false, 1};
  is.experts.routing = Routing::no_token_left_behind;  // has the same router
  CHECK(model_differences(was, is).empty());
  is.d_model = 64;
  is.experts.routing = Routing::hash;
  is.experts.exploration = Exploration::noise;
  is.experts.balance_bias = 0.001;
  is.experts.shared_expert = 128;
  is.experts.layers.decoder.values = {};
  is.experts.attention.encoder.values = {0};
  is.eos_id = {false, 2};
  CHECK(model_differences(was, is) ==
        Lines{"model.d_model: 256 -> 64", "model.experts.routing: learned -> hash",
              "model.experts.balance_bias: 0 -> above 0",
              "model.experts.exploration: without noise -> noise",
              "model.experts.shared_expert: 0 -> 128", "model.experts.attention.encoder: none -> 0",
              "model.experts.layers.decoder: 1, 3 -> none", "model.eos_id: 1 -> 2"});
}

TEST_CASE("reference: every key is there, and docs/configuration.md is current", "[reference]") {
  const std::string reference = write_reference();
  for (const std::string& key : known_keys()) {
    CAPTURE(key);
    CHECK(reference.find("`" + key + "`") != std::string::npos);
  }
  CHECK(known_keys().size() > 70);
  // Not current: switchyard config --reference > docs/configuration.md
  CHECK(read_text(SY_SOURCE_DIR "/docs/configuration.md") == reference);
}

TEST_CASE("keys: distance and the nearest word", "[keys]") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("steps", "steps") == 0);
  CHECK(edit_distance("setps", "steps") == 1);  // a swap is one slip
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(nearest_word("pretain", {"pretrain", "plan"}) == "pretrain");
  CHECK(nearest_word("xyz", {"pretrain", "plan"}).empty());
}

}  // namespace
}  // namespace sy
