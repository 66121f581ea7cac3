// SPDX-License-Identifier: Apache-2.0
// `switchyard convert` as a user runs it: exit codes, and what is said where.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/cli/program.h"
#include "tests/convert/hf_fixture.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("convert command: there and back", "[convert_command]") {
  const std::string folder = temporary_folder();
  const HfSpec& spec = tiny_models()[2];
  const HfValues values = random_values(state_dict(spec), convert::FloatType::f16);
  write_hf_folder(folder + "/hf", config_json(spec), values);
  write_file(folder + "/hf/spiece.model", "pieces");
  write_file(folder + "/hf/tokenizer.json", "{}");
  const auto there = run_program(
      {"convert", "--from", "hf", "--to", "switchyard", folder + "/hf", folder + "/sy"});
  CHECK(there.code == 0);
  CHECK(there.err.empty());
  CHECK_THAT(there.out, Catch::Contains("million parameters (100 %)"));
  CHECK(run_program({"inspect", folder + "/sy", "--verify"}).code == 0);
  const auto back = run_program({"convert", "--from", "switchyard", "--to", "hf", folder + "/sy",
                                 folder + "/back", "--shard-bytes", "2KB"});
  CHECK(back.code == 0);
  CHECK((read_hf_folder(folder + "/back") == values));
  CHECK(read_file(folder + "/sy/tokenizer.model") == "pieces");
  CHECK(read_file(folder + "/sy/tokenizer.json") == "{}");
  CHECK_FALSE(std::filesystem::exists(folder + "/sy/spiece.model"));
  CHECK(read_file(folder + "/back/tokenizer.json") == "{}");
  CHECK(read_file(folder + "/back/spiece.model") == "pieces");
  // The checkpoint's own goes before one that was put there, and is not taken when it is damaged.
  std::filesystem::remove_all(folder + "/back");
  write_file(folder + "/sy/spiece.model", "others");
  const std::vector<std::string> once_more{"convert", "--from",       "switchyard",    "--to",
                                           "hf",      folder + "/sy", folder + "/back"};
  CHECK(run_program(once_more).code == 0);
  CHECK(read_file(folder + "/back/spiece.model") == "pieces");
  std::filesystem::remove_all(folder + "/back");
  write_file(folder + "/sy/tokenizer.model", "peices");
  const auto damaged = run_program(once_more);
  CHECK(damaged.code == 3);
  CHECK_THAT(damaged.err, Catch::Contains("tokenizer.model does not match the checksum"));
  CHECK_FALSE(std::filesystem::exists(folder + "/back"));
}

TEST_CASE("convert command: a checkpoint's tokenizer goes along, described for transformers",
          "[convert_command]") {
  const std::string folder = temporary_folder(), sound = SY_SOURCE_DIR "/tests/fuzz/sound.model";
  const HfSpec& spec = tiny_models()[0];
  write_hf_folder(folder + "/hf", config_json(spec),
                  random_values(state_dict(spec), convert::FloatType::f32));
  write_file(folder + "/hf/spiece.model", read_file(sound));
  REQUIRE(run_program({"convert", "--from", "hf", "--to", "switchyard", folder + "/hf",
                       folder + "/runs/checkpoints/step-00000000"})
              .code == 0);
  // A run's folder and its checkpoints/ stand for the newest checkpoint.
  for (const std::string& in : {folder + "/runs", folder + "/runs/checkpoints"}) {
    const std::string out = folder + "/back-" + std::to_string(in.size());
    const auto back = run_program({"convert", "--from", "switchyard", "--to", "hf", in, out});
    CAPTURE(back.err);
    REQUIRE(back.code == 0);
    CHECK(read_file(out + "/spiece.model") == read_file(sound));
    const std::string described = read_file(out + "/tokenizer_config.json");
    CHECK_THAT(described, Catch::Contains("\"tokenizer_class\": \"T5Tokenizer\"") &&
                              Catch::Contains("\"extra_ids\": ") &&
                              Catch::Contains("\"eos_token\": \"</s>\"") &&
                              Catch::Contains("<extra_id_0>"));
  }
  std::filesystem::remove_all(folder + "/runs/checkpoints/step-00000000");
  const auto none = run_program(
      {"convert", "--from", "switchyard", "--to", "hf", folder + "/runs", folder + "/none"});
  CHECK(none.code == 3);
  CHECK_THAT(none.err, Catch::Contains("no committed checkpoint"));
}

TEST_CASE("convert command: an output that cannot be written", "[convert_command]") {
  const std::string folder = temporary_folder();
  const HfSpec& spec = tiny_models()[0];
  write_hf_folder(folder + "/hf", config_json(spec),
                  random_values(state_dict(spec), convert::FloatType::f32));
  const auto outcome = run_program(
      {"convert", "--from", "hf", "--to", "switchyard", folder + "/hf", "/proc/none/out"});
  CHECK(outcome.code == 1);
  CHECK_THAT(outcome.err, Catch::Contains("cannot create /proc/none/out.partial"));
}

TEST_CASE("convert command: usage", "[convert_command]") {
  const std::string folder = temporary_folder();
  const std::vector<std::string> folders{folder + "/in", folder + "/out"};
  const auto code_of = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "convert");
    arguments.insert(arguments.end(), folders.begin(), folders.end());
    return run_program(arguments).code;
  };
  CHECK(code_of({"--from", "hf"}) == 2);
  CHECK(code_of({"--from", "pytorch", "--to", "hf"}) == 2);
  CHECK(code_of({"--from", "hf", "--to", "switchyard", "--dtype", "float32"}) == 2);
  CHECK(code_of({"--from", "hf", "--to", "hf", "--dtype", "int8"}) == 2);
  CHECK(code_of({"--from", "hf", "--to", "hf", "--interval", "2"}) == 2);
  CHECK(code_of({"--from", "switchyard", "--to", "hf", "--set", "d_ff=1"}) == 2);
  CHECK(code_of({"--from", "switchyard", "--to", "switchyard"}) == 2);
  CHECK(code_of({"--from", "hf", "--to", "switchyard", "--upcycle", "0"}) == 2);
  CHECK(code_of({"--from", "hf", "--to", "switchyard"}) == 3);
  CHECK(code_of({"--from", "switchyard", "--to", "hf"}) == 3);
}

TEST_CASE("convert command: one error for all faults", "[convert_command]") {
  const std::string folder = temporary_folder();
  const HfSpec& spec = tiny_models()[0];
  HfValues values = random_values(state_dict(spec), convert::FloatType::f32);
  values.erase("shared.weight");
  values.erase("encoder.final_layer_norm.weight");
  write_hf_folder(folder + "/hf", config_json(spec), values);
  const auto outcome = run_program(
      {"convert", "--from", "hf", "--to", "switchyard", folder + "/hf", folder + "/sy"});
  CHECK(outcome.code == 3);
  for (const char* part :
       {"/hf does not hold the model of its config.json", "shared.weight is missing",
        "encoder.final_layer_norm.weight is missing"}) {
    CHECK_THAT(outcome.err, Catch::Contains(part));
  }
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 3);
  CHECK_FALSE(std::filesystem::exists(folder + "/sy"));
}

}  // namespace
}  // namespace sy
