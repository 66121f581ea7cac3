// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/config/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using test::parse_failure;
using test::says;

TEST_CASE("parse: what the text gives is set, the rest keeps its default", "[parse]") {
  const RunConfig config = parse_config(
      "run: {name: 2024, directory: \"a b\"}\n"
      "model:\n"
      "  vocab_size: 32128\n"
      "  activation: geglu\n"
      "  tie_embeddings: false\n"
      "  dropout: 1e-1\n"
      "  initialisation: {attention: 1, router: 2e-2, relative_bias: auto}\n"
      "  experts: {capacity: dropless, count: +16}\n"
      "data:\n"
      "  train: [\"*.gz\", plain.json]\n"
      "  decoder_length: auto\n"
      "optimizer:  # all its keys are left out\n",
      "run.yaml");
  CHECK(config.run.name == "2024");
  CHECK(config.run.directory == "a b");
  CHECK(config.model.vocab_size == AutoInt{false, 32128});
  CHECK(config.model.activation == Activation::geglu);
  CHECK_FALSE(config.model.tie_embeddings);
  CHECK(config.model.dropout == 0.1);
  CHECK(config.model.initialisation.attention == AutoNumber{false, 1.0});
  CHECK(config.model.initialisation.router == AutoNumber{false, 0.02});
  CHECK(config.model.initialisation.relative_bias.is_auto);
  CHECK(config.model.experts.capacity == CapacityMode::dropless);
  CHECK(config.model.experts.count == 16);
  CHECK(config.data.train == std::vector<std::string>{"*.gz", "plain.json"});
  CHECK(config.data.decoder_length.is_auto);
  CHECK(config.model.d_model == ModelSection{}.d_model);
}

// Text, and the words of the one line that parsing it must end in: place, key, value, remedy.
using Case = std::pair<std::string, std::vector<std::string>>;

TEST_CASE("parse: one error, with its place and remedy", "[parse]") {
  const auto [text, words] = GENERATE(
      Case{"model: {d_model: wide}", {"run.yaml:1:18: model.d_model: ", "integer", "'wide'"}},
      Case{"model:\n  d_model: 2.5", {"run.yaml:2:12: model.d_model: ", "integer", "'2.5'"}},
      Case{"train: {steps: 1e6}", {"run.yaml:1:16: train.steps: ", "'1e6'", "write 1000000"}},
      Case{"train: {steps: \"10\"}", {"run.yaml:1:16: train.steps: ", "'10'", "remove the quotes"}},
      Case{"train: {steps: 9223372036854775808}",
           {"run.yaml:1:16: train.steps: '9223372036854775808'", "64 bits"}},
      Case{"train: {steps: [1]}", {"run.yaml:1:16: train.steps: ", "a list"}},
      Case{"train: {steps: }", {"run.yaml:1:16: train.steps: ", "no value"}},
      Case{"model: {dropout: .inf}", {"run.yaml:1:18: model.dropout: ", "'.inf'", "finite"}},
      Case{"model: {dropout: nan}", {"run.yaml:1:18: model.dropout: ", "'nan'", "finite"}},
      Case{"model: {dropout: 1e999}", {"run.yaml:1:18: model.dropout: '1e999'", "64-bit"}},
      Case{"model: {tie_embeddings: yes}",
           {"run.yaml:1:25: model.tie_embeddings: ", "'yes'", "true or false"}},
      Case{"model: {activation: silu}",
           {"run.yaml:1:21: model.activation: 'silu'", "relu, gelu or geglu"}},
      Case{"precision: half", {"run.yaml:1:12: precision: 'half'", "float32 or bfloat16"}},
      Case{"mesh: {expert: all}", {"run.yaml:1:16: mesh.expert: ", "'all'", "or auto"}},
      Case{"model: {initialisation: {router: small}}",
           {"run.yaml:1:34: model.initialisation.router: ", "number", "'small'", "or auto"}},
      Case{"data: {train: a.gz}", {"run.yaml:1:15: data.train: ", "a list", "'a.gz'"}},
      Case{"data:\n  train:\n    - a.gz\n    - {b: c}",
           {"run.yaml:4:7: data.train[1]: ", "a mapping"}},
      Case{"model: [1, 2]", {"run.yaml:1:8: model: ", "a mapping", "a list"}},
      Case{"model: {{a: b}: 1}", {"run.yaml:1:9: model: ", "a mapping"}},
      Case{"model: {d_ff: 8, d_kv: 8,\n  d_ff: 9}",
           {"run.yaml:2:3: model.d_ff: ", "line 1", "remove"}});
  CAPTURE(text, parse_failure(text));
  CHECK(says(parse_failure(text), words));
  CHECK(parse_failure(text).starts_with(words.front()));
}

TEST_CASE("parse: an unknown key names the nearest known one and its place", "[parse]") {
  const auto [text, words] =
      GENERATE(Case{"model: {d_modle: 1}", {"1:9: model.d_modle: ", "mean model.d_model?"}},
               Case{"model: {top_k: 1}", {"1:9: model.top_k: ", "mean model.experts.top_k?"}},
               Case{"modle: {d_model: 1}", {"1:1: modle: ", "mean model?"}},
               Case{"d_model: 1", {"1:1: d_model: ", "mean model.d_model?"}},
               Case{"steps: 1", {"1:1: steps: ", "mean train.steps?"}},
               Case{"run: {nmae: x}", {"1:7: run.nmae: ", "mean run.name?"}},
               Case{"optimizer: {nmae: x}", {"1:13: optimizer.nmae: ", "mean optimizer.name?"}},
               Case{"run: {zzzzzzzz: 1}", {"1:7: run.zzzzzzzz: ", "docs/configuration.md"}},
               Case{"<<: {seed: 1}", {"1:1: <<: ", "docs/configuration.md"}});
  CAPTURE(text, parse_failure(text));
  CHECK(says(parse_failure(text), words));
  CHECK(says(parse_failure(text), {"unknown key"}));
}

TEST_CASE("parse: text that is not a configuration", "[parse]") {
  const auto [text, words] =
      GENERATE(Case{"", {"run.yaml:1:1: ", "empty", "configs/quickstart.yaml"}},
               Case{"# a comment\n\n", {"run.yaml:1:1: ", "empty", "configs/quickstart.yaml"}},
               Case{"hello", {"run.yaml:1:1: ", "a mapping", "'hello'"}},
               Case{"- run\n", {"run.yaml:1:1: ", "a mapping", "a list"}},
               Case{"run: {name: a\n", {"run.yaml:2:1: not YAML", "brackets"}},
               Case{"data:\n  train: [*.gz]\n", {"run.yaml:2:11: not YAML", "begins with *"}},
               Case{"model:\n\td_model: 1\n", {"run.yaml:2:1: ", "tab", "spaces"}},
               Case{"run: {}\n---\nrun: {}\n", {"run.yaml:2:1: ", "second YAML document"}},
               Case{", a]", {"run.yaml:1:1: ", "comma or bracket"}},
               Case{std::string("run:\0", 5), {"run.yaml:1:5: ", "0x00"}},
               Case{"run: {name: \xff\xfe}", {"run.yaml:1:13: ", "not UTF-8"}},
               Case{"\xc3\xa9: \xe2\x82", {"run.yaml:1:4: ", "not UTF-8"}});
  CAPTURE(text, parse_failure(text));
  CHECK(says(parse_failure(text), words));
}

TEST_CASE("parse: all errors at once, in the order of the file, overrides last", "[parse]") {
  const std::string text =
      "train: {micro_batch: 7, global_batch: 32}\n"
      "model:\n"
      "  d_modle: 8\n"
      "  d_ff: none\n"
      "  dropout: 2\n"
      "colour: red\n";
  const std::vector<std::string> lines =
      test::lines_of(parse_failure(text, {"train.steps=0", "model.d_kv=big", "nothing"}));
  const std::vector<std::vector<std::string>> expected = {
      {"run.yaml:1:22: train.micro_batch: 7", "train.global_batch (32)"},
      {"run.yaml:1:22: train.micro_batch: 7", "model.experts.group_sequences (2)"},
      {"run.yaml:3:3: model.d_modle: ", "model.d_model?"},
      {"run.yaml:4:9: model.d_ff: ", "'none'"},
      {"run.yaml:5:12: model.dropout: 2"},
      {"run.yaml:6:1: colour: "},
      {"--set train.steps: 0"},
      {"--set model.d_kv: ", "'big'"},
      {"--set nothing: ", "key.path=value"}};
  REQUIRE(lines.size() == expected.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    CAPTURE(lines[i]);
    CHECK(says(lines[i], expected[i]));
  }
}

TEST_CASE("parse: no error about a default that stands in for a faulty value", "[parse]") {
  // With the default of 32, the streams would not divide the batch.
  CHECK(says(parse_failure("train: {global_batch: x}\ndata: {streams: 64}"),
             {"run.yaml:1:23: train.global_batch: ", "'x'"}));
  CHECK(says(parse_failure("train: {globel_batch: 64}\ndata: {streams: 64}"),
             {"run.yaml:1:9: train.globel_batch: ", "mean train.global_batch?"}));
}

TEST_CASE("parse: an error without a line of its own is placed at its section", "[parse]") {
  CHECK(says(parse_failure("run: {}\ndata:\n  encoder_length: 1024\n  noise_density: 0.4\n"),
             {"run.yaml:3:3: data.extra_ids: 100", "186", "1395"}));
}

TEST_CASE("parse: overrides", "[parse]") {
  const auto set = [](const std::string& text) {
    return parse_config("model: {d_model: 8, d_ff: 9}", "run.yaml", {text});
  };
  CHECK(set("model.d_model=16").model.d_model == 16);
  CHECK(set("model.d_model=16").model.d_ff == 9);
  CHECK(set("model.experts.count=0").model.experts.count == 0);
  CHECK(set("model.experts={count: 4, interval: 1}").model.experts.count == 4);
  CHECK(set("data.train=[a, \"b=c\"]").data.train == std::vector<std::string>{"a", "b=c"});
  CHECK(set("run.name='a=b'").run.name == "a=b");
  CHECK(set("backend=cpu").backend == BackendChoice::cpu);
  // The last one wins.
  const RunConfig twice = parse_config("run: {}", "run.yaml", {"train.steps=5", "train.steps=6"});
  CHECK(twice.train.steps == 6);
}

TEST_CASE("parse: errors of overrides", "[parse]") {
  const auto [override, words] =
      GENERATE(Case{"model.d_modle=1", {"--set model.d_modle: ", "mean model.d_model?"}},
               Case{"model.d_model.x=1", {"--set model.d_model.x: unknown key"}},
               Case{"=3", {"--set =3: ", "key.path=value"}},
               Case{"model.d_model=", {"--set model.d_model: ", "no value"}},
               Case{"model.d_model=-1", {"--set model.d_model: -1", "1 to 1048576"}},
               Case{"data.train=a.gz", {"--set data.train: ", "a list", "'a.gz'"}},
               Case{"model={d_model: x}", {"--set model: model.d_model: ", "'x'"}},
               Case{"model=3", {"--set model: ", "a mapping", "'3'"}},
               Case{"run.name=[", {"--set run.name: not YAML"}});
  CAPTURE(parse_failure("run: {}", {override}));
  CHECK(says(parse_failure("run: {}", {override}), words));
}

TEST_CASE("parse: hostile text ends soon and in one message", "[parse]") {
  std::string aliases = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string before = "*a" + std::to_string(i - 1), name = "a" + std::to_string(i);
    aliases += name + ": &" + name + " [" + before + ", " + before + ", " + before + "]\n";
  }
  CHECK(parse_failure(aliases + "data: {train: *a59}\n").size() < 10'000);
  CHECK(parse_failure("model: &m {experts: *m}")
            .starts_with("run.yaml:1:12: model.experts.experts: unknown key"));
  for (const char* opening : {"[", "{", "- ", "? ", "a: ["}) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += opening;
    CHECK(parse_failure(deep).find("nested too deeply") != std::string::npos);
  }
  CHECK(parse_failure("run: {" + std::string(100'000, 'k') + ": 1}").size() < 200);
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "k" + std::to_string(i) + ": 1\n";
  CHECK(parse_failure(many).ends_with("run.yaml: 9950 more errors"));
}

TEST_CASE("parse: paths are expanded in every key that is one", "[parse]") {
  const std::string path = test::temporary_folder() + "/run.yaml";
  setenv("SY_PLACE", "/disks/7", 1);
  setenv("SY_WITH_SLASH", "a/b", 1);
  unsetenv("SY_NONE");
  const auto load = [&](const std::string& text) {
    std::ofstream(path) << text;
    return load_config(path, {"run.directory=$SY_PLACE/runs"});
  };
  const RunConfig config = load(
      "run: {name: 'r-~'}\n"
      "data: {train: ['$SY_PLACE/t*', '/u'], validation: ['${SY_PLACE}/v'],\n"
      "       corpora: [{name: en, train: [$SY_PLACE/en], validation: [$SY_PLACE/en-v]}],\n"
      "       tokenizer: $SY_PLACE/spm.model}\ntrain: {initialize_from: $SY_PLACE/w}\n"
      "distill: {teacher: $SY_PLACE/t}\n");
  CHECK(config.data.corpora[0].train == std::vector<std::string>{"/disks/7/en"});
  CHECK(config.data.corpora[0].validation == std::vector<std::string>{"/disks/7/en-v"});
  CHECK(config.run.directory == "/disks/7/runs");
  CHECK(config.run.name == "r-~");
  CHECK(config.data.train == std::vector<std::string>{"/disks/7/t*", "/u"});
  CHECK(config.data.validation == std::vector<std::string>{"/disks/7/v"});
  CHECK(config.data.tokenizer == "/disks/7/spm.model");
  CHECK(config.train.initialize_from == "/disks/7/w");
  CHECK(config.distill.teacher == "/disks/7/t");
  const auto failure = [&](const std::string& text) -> std::string {
    try {
      load(text);
      return "";
    } catch (const ConfigError& error) {
      return error.what();
    }
  };
  CHECK(says(failure("data: {tokenizer: $SY_NONE/spm.model}"),
             {path, "data.tokenizer: '$SY_NONE/spm.model'", "not set"}));
  CHECK(says(failure("train: {initialize_from: 'runs/*'}"), {"train.initialize_from", "pattern"}));
  CHECK(says(failure("run: {name: $SY_WITH_SLASH}"), {"run.name", "slash"}));
}

TEST_CASE("parse: a file that cannot be read", "[parse]") {
  const auto failure = [](const std::string& path) -> std::string {
    try {
      load_config(path, {});
      return "";
    } catch (const ConfigError& error) {
      return error.what();
    }
  };
  CHECK(says(failure("/nowhere/run.yaml"), {"/nowhere/run.yaml: ", "No such file"}));
  CHECK(says(failure("/tmp"), {"/tmp: ", "folder"}));
  CHECK(says(failure("/dev/zero"), {"/dev/zero: ", "1 MiB"}));
}

}  // namespace
}  // namespace sy
