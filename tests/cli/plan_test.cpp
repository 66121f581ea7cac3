// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <fmt/format.h>
#include <simdjson.h>

#include "tests/cli/program.h"
#include "tests/support/sample.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using test::run_program;
using Words = std::vector<std::string>;

Words plan(const std::string& config, const Words& more) {
  Words words{"plan", config, "--set", "model.vocab_size=32128"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST_CASE("plan: Switch-Base as JSON", "[plan]") {
  const auto outcome = run_program(plan(
      "configs/switch-base-8.yaml",
      {"--ranks", "4", "--set", "mesh.model=2", "--device", "H200", "--tokens", "34e9", "--json"}));
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  simdjson::dom::parser parser;
  const simdjson::dom::element all = parser.parse(outcome.out);
  CHECK(std::string_view(all["name"]) == "switch-base-8");
  CHECK(std::string_view(all["recompute"]) == "none");
  CHECK(int64_t(all["micro_batch"]) * int64_t(all["micro_batches"]) * 2 == 2048);
  CHECK(int64_t(all["parameters"]["total"]) == 619339008);
  CHECK(int64_t(all["parameters"]["active"]) == 222977280);
  CHECK(double(all["flops_per_sequence"]) == Approx(426.1e9).epsilon(1e-3));
  CHECK(double(all["kaplan_flops_per_sequence"]) == Approx(124.6e9).epsilon(1e-3));
  int64_t sum = 0, parts = 0;
  for (const auto& [region, bytes] : simdjson::dom::object(all["memory_bytes_per_rank"])) {
    sum += int64_t(bytes);
  }
  CHECK(sum == int64_t(all["device_bytes_per_rank"]) + int64_t(all["host_bytes_per_rank"]));
  for (const auto& [part, count] : simdjson::dom::object(all["parameters"]["by_part"])) {
    parts += int64_t(count);
  }
  CHECK(parts == 619339008);
  int64_t of_labels = 0, of_collectives = 0;
  for (const simdjson::dom::element call : simdjson::dom::array(all["wire"])) {
    of_labels += int64_t(call["bytes"]);
  }
  for (const auto& [name, bytes] : simdjson::dom::object(all["bytes_on_wire_per_step"])) {
    of_collectives += int64_t(bytes);
  }
  CHECK(of_labels == of_collectives);
  CHECK(of_labels > 0);
  CHECK(double(all["step"]["seconds"]) > 0);
  CHECK(double(all["step"]["budget_seconds"]) ==
        Approx(34e9 / double(all["step"]["tokens_per_second"])));
}

TEST_CASE("plan: as text, with the names of all parts", "[plan]") {
  const auto outcome = run_program(plan("configs/switch-c.yaml", {"--ranks", "128"}));
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  for (const char* text : {"1571327875360", "experts", "checkpoint", "scratch",
                           "encoder/layers/*/moe dispatch", "all_to_all_rows"}) {
    CHECK_THAT(outcome.out, Catch::Contains(text));
  }
}

TEST_CASE("plan: a run logs the memory that its plan says", "[plan]") {
  const std::string folder = test::temporary_folder(), config = folder + "/tiny.yaml";
  const test::Sample& text = test::sample();
  test::write_file(config, fmt::format(R"(
run: {{name: tiny, directory: {}/runs, threads: 1}}
backend: cpu
model: {{d_model: 64, d_kv: 16, num_heads: 4, d_ff: 256, encoder_layers: 2, decoder_layers: 2,
        experts: {{count: 4, group_sequences: 1}}}}
data: {{train: ["{}"], validation: ["{}"], tokenizer: "{}", encoder_length: 64, streams: 2}}
train: {{steps: 1, global_batch: 8, micro_batch: 4, eval_every: 0, checkpoint_every: 0}}
)",
                                       folder, text.train, text.validation, text.tokenizer));
  const auto planned = run_program({"plan", config, "--json"});
  INFO(planned.err);
  REQUIRE(planned.code == 0);
  simdjson::dom::parser parser;
  const simdjson::dom::element memory = parser.parse(planned.out)["memory_bytes_per_rank"];
  const auto mib = [&](const char* region) {
    return static_cast<double>(int64_t(memory[region])) / (1 << 20);
  };
  const auto run = run_program({"pretrain", config}, folder);
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK_THAT(run.out, Catch::Contains(fmt::format(
                          "memory per rank: parameters {:.1f} MiB, gradients {:.1f}, optimiser "
                          "{:.1f}, activations {:.1f}, scratch {:.1f}",
                          mib("parameters"), mib("gradients"), mib("optimizer"), mib("activations"),
                          mib("scratch"))));
  CHECK_THAT(run.out, Catch::Matches("(?:.|\\n)*peak memory of a rank: [0-9.]+ MiB resident, "
                                     "[0-9.]+ planned(?:.|\\n)*"));
}

TEST_CASE("plan: all ranks are planned and checked", "[plan]") {
  const auto outcome =
      run_program(plan("tests/cli/small.yaml", {"--ranks", "4", "--execute", "--json"}));
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  simdjson::dom::parser parser;
  const simdjson::dom::element all = parser.parse(outcome.out);
  CHECK(int64_t(all["ranks"]) == 4);
  CHECK(int64_t(all["collectives"]) > 0);
  CHECK(std::string_view(all["fault"]).empty());
}

TEST_CASE("plan: --execute and --search hold what they plan against --memory", "[plan]") {
  const auto little =
      run_program(plan("tests/cli/small.yaml", {"--ranks", "2", "--execute", "--memory", "0.001"}));
  CHECK(little.code == 2);
  CHECK_THAT(little.out, Catch::Contains("every call is matched"));
  CHECK_THAT(little.err, Catch::Contains("--memory 0.001: a rank needs "));
  const auto enough =
      run_program(plan("tests/cli/small.yaml", {"--ranks", "2", "--execute", "--memory", "64"}));
  CHECK(enough.code == 0);
  const auto none = run_program(
      plan("tests/cli/small.yaml", {"--search", "2", "--device", "H100", "--memory", "0.001"}));
  CHECK(none.code == 2);
  CHECK_THAT(none.out, Catch::Contains(" MiB, and a rank has 1.02 MiB"));
  CHECK_THAT(none.err, Catch::Contains("--search 2: no mesh works with 1.02 MiB a rank"));
}

TEST_CASE("plan: a search lists meshes and reasons", "[plan]") {
  const std::string device = test::temporary_folder() + "/device.yaml";
  test::write_file(device,
                   "{name: cpu, gpu: false, memory_bytes: 1e9, float32_flops: 1e11, "
                   "bfloat16_flops: 0, product_efficiency: 0.9, memory_bytes_per_second: 1e10, "
                   "unplanned_bytes: 1e8, "
                   "ranks_per_host: 2, within_host_latency_seconds: 1e-5, "
                   "within_host_bytes_per_second: 1e9, between_hosts_latency_seconds: 1e-5, "
                   "between_hosts_bytes_per_second: 1e9}\n");
  const auto outcome = run_program(
      plan("tests/cli/small.yaml", {"--search", "2", "--device", device, "--memory", "0.15"}));
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  CHECK_THAT(outcome.out, Catch::Contains("micro_batch 2\n"));
  CHECK_THAT(outcome.out, Catch::Contains(": needs "));
}

TEST_CASE("plan: what it cannot do is said in one sentence, with exit code 2", "[plan]") {
  using Case = std::pair<Words, Words>;  // arguments, and what the message names
  const std::string base = "configs/switch-base-8.yaml";
  const auto [arguments, words] = GENERATE_COPY(
      Case{{"plan"}, {"CONFIG"}},
      Case{plan(base, {"--ranks", "2049"}), {"2049 ranks", "at most 2048"}},
      Case{plan(base, {"--ranks", "0"}), {"--ranks: 0 is not an integer of 1 or more; see"}},
      Case{plan(base, {"--memory", "nan"}), {"--memory: nan is not a number above 0; see"}},
      Case{plan(base, {"--memory", "inf"}), {"--memory: inf is not a number above 0; see"}},
      Case{plan(base, {"--device", "H100", "--tokens", "nan"}),
           {"--tokens: nan is not a number above 0; see"}},
      Case{plan(base, {"--threads", "4097"}), {"--threads: 4097 is not an integer from 1 to 4096"}},
      Case{plan(base, {"--tokens", "1e9"}), {"--tokens requires --device"}},
      Case{plan(base, {"--tokens", "1e9", "--device", "H100", "--execute"}),
           {"--tokens excludes --execute"}},
      Case{plan(base, {"--tokens", "1e9", "--device", "H100", "--search", "4"}),
           {"--tokens excludes --search"}},
      Case{plan(base, {"--device", ""}), {"--device \"\": unknown; give A100"}},
      Case{plan(base, {"--ranks", "6", "--set", "mesh.model=4"}), {"mesh.model", "6"}},
      Case{plan(base, {"--device", "H20"}), {"--device H20", "did you mean H200?"}},
      Case{plan(base, {"--device", "/nowhere.json"}), {"/nowhere.json", "cannot be opened"}},
      Case{plan(base, {"--memory", "1"}), {"--memory 1", "GiB", "--search"}},
      Case{plan(base, {"--search", "4"}), {"--search", "--device"}},
      Case{plan(base, {"--search", "4", "--ranks", "4"}), {"--search", "--ranks"}},
      Case{{"plan", "tests/cli/small.yaml"},
           {"model.vocab_size", "none/sentencepiece.model", "--set model.vocab_size=32128"}});
  CAPTURE(arguments);
  const auto outcome = run_program(arguments);
  INFO(outcome.err);
  CHECK(outcome.code == 2);
  CHECK(outcome.err.starts_with("error: "));
  for (const std::string& word : words) CHECK_THAT(outcome.err, Catch::Contains(word));
}

TEST_CASE("doctor: describes this machine as plan reads it", "[doctor]") {
  const auto outcome = run_program({"doctor", "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  const std::string path = test::temporary_folder() + "/device.json";
  test::write_file(path, outcome.out);
  const auto planned = run_program(plan("tests/cli/small.yaml", {"--device", path, "--json"}));
  INFO(planned.err);
  REQUIRE(planned.code == 0);
  simdjson::dom::parser parser;
  CHECK(double(parser.parse(planned.out)["step"]["seconds"]) > 0);
}

}  // namespace
}  // namespace sy
