#include <catch2/catch.hpp>

#include "tests/config/support.h"

namespace sy {
namespace {
using test::parse_failure;

TEST_CASE("parse: what the text gives is set, the rest keeps its default", "[parse]") {
  const RunConfig config = parse_config(
      "run: {name: 2024, directory: \"a b\"}\n"
      "model:\n"
      "  vocab_size: 32128\n"
      "  activation: geglu\n"
      "  tie_embeddings: false\n"
      "  dropout: 1e-1\n"
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
  CHECK(config.model.experts.capacity == CapacityMode::dropless);
  CHECK(config.model.experts.count == 16);
  CHECK(config.data.train == std::vector<std::string>{"*.gz", "plain.json"});
  CHECK(config.data.decoder_length.is_auto);
  CHECK(config.model.d_model == ModelSection{}.d_model);
}

TEST_CASE("parse: one fault, with its place and remedy", "[parse]") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"model: {d_model: wide}",
       "run.yaml:1:18: model.d_model: expected an integer, got 'wide'; write a whole number such "
       "as 256"},
      {"model:\n  d_model: 2.5",
       "run.yaml:2:12: model.d_model: expected an integer, got '2.5'; write a whole number such as "
       "256"},
      {"train: {steps: 1e6}",
       "run.yaml:1:16: train.steps: expected an integer, got '1e6'; write 1000000"},
      {"train: {steps: \"10\"}",
       "run.yaml:1:16: train.steps: expected an integer, got the text '10'; remove the quotes"},
      {"train: {steps: 9223372036854775808}",
       "run.yaml:1:16: train.steps: '9223372036854775808' does not fit 64 bits; use a smaller "
       "number"},
      {"train: {steps: [1]}",
       "run.yaml:1:16: train.steps: expected one value, got a list; write `key: value`"},
      {"train: {steps: }",
       "run.yaml:1:16: train.steps: has no value; give one, or remove the key to take the default"},
      {"model: {dropout: .inf}",
       "run.yaml:1:18: model.dropout: expected a number, got '.inf'; write a finite number such "
       "as 0"},
      {"model: {dropout: nan}",
       "run.yaml:1:18: model.dropout: expected a number, got 'nan'; write a finite number such as "
       "0"},
      {"model: {dropout: 1e999}",
       "run.yaml:1:18: model.dropout: '1e999' does not fit a 64-bit number; use one nearer to 1"},
      {"model: {tie_embeddings: yes}",
       "run.yaml:1:25: model.tie_embeddings: expected true or false, got 'yes'; write true or "
       "false"},
      {"model: {activation: silu}",
       "run.yaml:1:21: model.activation: 'silu' is not a choice here; use relu, gelu or geglu"},
      {"precision: half",
       "run.yaml:1:12: precision: 'half' is not a choice here; use float32 or bfloat16"},
      {"mesh: {expert: all}",
       "run.yaml:1:16: mesh.expert: expected an integer or auto, got 'all'; write a whole number "
       "or auto"},
      {"data: {train: a.gz}",
       "run.yaml:1:15: data.train: expected a list, got 'a.gz'; write it as [\"first\", "
       "\"second\"]"},
      {"data:\n  train:\n    - a.gz\n    - {b: c}",
       "run.yaml:4:7: data.train[1]: expected one value, got a mapping; write `key: value`"},
      {"model: [1, 2]",
       "run.yaml:1:8: model: expected a mapping of keys, got a list; write `key: value` lines"},
      {"model: {{a: b}: 1}", "run.yaml:1:9: model: a key must be a word, got a mapping"},
      {"model: {d_ff: 8, d_kv: 8,\n  d_ff: 9}",
       "run.yaml:2:3: model.d_ff: repeats the key of line 1; remove one of them"},
  }));
  CHECK(parse_failure(text) == message);
}

TEST_CASE("parse: an unknown key names the nearest known one and its place", "[parse]") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"model: {d_modle: 1}", "1:9: model.d_modle: unknown key; did you mean model.d_model?"},
      {"model: {top_k: 1}", "1:9: model.top_k: unknown key; did you mean model.experts.top_k?"},
      {"modle: {d_model: 1}", "1:1: modle: unknown key; did you mean model?"},
      {"d_model: 1", "1:1: d_model: unknown key; did you mean model.d_model?"},
      {"steps: 1", "1:1: steps: unknown key; did you mean train.steps?"},
      {"run: {nmae: x}", "1:7: run.nmae: unknown key; did you mean run.name?"},
      {"optimizer: {nmae: x}", "1:13: optimizer.nmae: unknown key; did you mean optimizer.name?"},
      {"run: {zzzzzzzz: 1}",
       "1:7: run.zzzzzzzz: unknown key; docs/configuration.md lists the keys"},
      {"<<: {seed: 1}", "1:1: <<: unknown key; docs/configuration.md lists the keys"},
  }));
  CHECK(parse_failure(text) == "run.yaml:" + message);
}

TEST_CASE("parse: text that is no configuration", "[parse]") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"", ":1:1: the configuration is empty; configs/quickstart.yaml is one to start from"},
      {"# a comment\n\n",
       ":1:1: the configuration is empty; configs/quickstart.yaml is one to start from"},
      {"hello", ":1:1: expected a mapping of keys, got 'hello'; write `key: value` lines"},
      {"- run\n", ":1:1: expected a mapping of keys, got a list; write `key: value` lines"},
      {"run: {name: a\n",
       ":2:1: not YAML: end of map flow not found; check indentation, colons, quotes and brackets "
       "here"},
      {"data:\n  train: [*.gz]\n",
       ":2:11: not YAML: the referenced anchor is not defined; put text that begins with * in "
       "quotes"},
      {"model:\n\td_model: 1\n", ":2:1: a tab indents this line; YAML takes spaces only"},
      {"run: {}\n---\nrun: {}\n",
       ":2:1: goes on after the configuration; remove the comma or bracket too many, or the "
       "second YAML document"},
      {", a]",
       ":1:1: goes on after the configuration; remove the comma or bracket too many, or the "
       "second YAML document"},
      {std::string("run:\0", 5), ":1:5: control character 0x00; is this a configuration file?"},
      {"run: {name: \xff\xfe}", ":1:13: not UTF-8 text; is this a configuration file?"},
      {"\xc3\xa9: \xe2\x82", ":1:4: not UTF-8 text; is this a configuration file?"},
  }));
  CHECK(parse_failure(text) == "run.yaml" + message);
}

TEST_CASE("parse: every fault at once, in the order of the file, overrides last", "[parse]") {
  const std::string text =
      "train: {micro_batch: 7, global_batch: 32}\n"
      "model:\n"
      "  d_modle: 8\n"
      "  d_ff: none\n"
      "  dropout: 2\n"
      "colour: red\n";
  CHECK(parse_failure(text, {"train.steps=0", "model.d_kv=big", "nothing"}) ==
        "run.yaml:1:22: train.micro_batch: 7 does not divide train.global_batch (32); use a "
        "divisor\n"
        "run.yaml:1:22: train.micro_batch: 7 is not a multiple of model.experts.group_sequences "
        "(2), and a routing group stays within a micro-batch; use a multiple\n"
        "run.yaml:3:3: model.d_modle: unknown key; did you mean model.d_model?\n"
        "run.yaml:4:9: model.d_ff: expected an integer, got 'none'; write a whole number such as "
        "1024\n"
        "run.yaml:5:12: model.dropout: 2 is out of range; use 0 or more and less than 1\n"
        "run.yaml:6:1: colour: unknown key; docs/configuration.md lists the keys\n"
        "--set train.steps: 0 is out of range; use 1 to 1099511627776\n"
        "--set model.d_kv: expected an integer, got 'big'; write a whole number such as 64\n"
        "--set nothing: expected key.path=value, as in --set train.steps=1000");
}

TEST_CASE("parse: no fault is told about a default that stands in for a faulty value", "[parse]") {
  // With the default 32, streams would not divide the batch.
  CHECK(parse_failure("train: {global_batch: x}\ndata: {streams: 64}") ==
        "run.yaml:1:23: train.global_batch: expected an integer, got 'x'; write a whole number "
        "such as 32");
  CHECK(parse_failure("train: {globel_batch: 64}\ndata: {streams: 64}") ==
        "run.yaml:1:9: train.globel_batch: unknown key; did you mean train.global_batch?");
}

TEST_CASE("parse: a fault without a line of its own is placed at its section", "[parse]") {
  CHECK(parse_failure("run: {}\ndata:\n  encoder_length: 1024\n  noise_density: 0.4\n") ==
        "run.yaml:3:3: data.extra_ids: 100 sentinels are fewer than the 186 spans masked in a "
        "window of 1395 tokens; raise it, or raise data.mean_noise_span");
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

TEST_CASE("parse: faults of overrides", "[parse]") {
  const auto [override, message] = GENERATE(table<std::string, std::string>({
      {"model.d_modle=1", "model.d_modle: unknown key; did you mean model.d_model?"},
      {"model.d_model.x=1", "model.d_model.x: unknown key; docs/configuration.md lists the keys"},
      {"=3", "=3: expected key.path=value, as in --set train.steps=1000"},
      {"model.d_model=",
       "model.d_model: has no value; give one, or remove the key to take the default"},
      {"model.d_model=-1", "model.d_model: -1 is out of range; use 1 to 1048576"},
      {"data.train=a.gz",
       "data.train: expected a list, got 'a.gz'; write it as [\"first\", \"second\"]"},
      {"model={d_model: x}",
       "model: model.d_model: expected an integer, got 'x'; write a whole number such as 256"},
      {"model=3", "model: expected a mapping of keys, got '3'; write `key: value` lines"},
      {"run.name=[",
       "run.name: not YAML: end of sequence flow not found; check indentation, colons, quotes and "
       "brackets here"},
  }));
  CHECK(parse_failure("run: {}", {override}) == "--set " + message);
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
    CHECK(parse_failure(deep).find("nested too deeply; a configuration has three levels") !=
          std::string::npos);
  }
  CHECK(parse_failure("run: {" + std::string(100'000, 'k') + ": 1}").size() < 200);
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "k" + std::to_string(i) + ": 1\n";
  CHECK(parse_failure(many).ends_with("run.yaml: 9950 more faults"));
}

TEST_CASE("parse: a file that cannot be read", "[parse]") {
  CHECK_THROWS_WITH(load_config("/nowhere/run.yaml", {}),
                    "/nowhere/run.yaml: cannot be opened (No such file or directory); check the "
                    "path");
  CHECK_THROWS_WITH(load_config("/tmp", {}), "/tmp: is a folder; give a configuration file");
  CHECK_THROWS_WITH(load_config("/dev/zero", {}),
                    "/dev/zero: larger than 1 MiB; is this a configuration file?");
}

}  // namespace
}  // namespace sy
