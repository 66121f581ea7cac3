// SPDX-License-Identifier: Apache-2.0
// Spans of a target are inserted into the blanks of a sentence.
#include "lib/generate/infill.h"

#include <catch2/catch.hpp>

#include "lib/base/error.h"
#include "tests/support/sample.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

const std::string kText = "Thank you <extra_id_0> me to your party <extra_id_1> week.";

// The tokenizer of the sample, and that of T5 if it is available.
std::vector<std::string> models() {
  std::vector<std::string> paths = {sample().tokenizer};
  if (const auto t5 = shared_file("data/tokenizer/t5.model")) paths.push_back(*t5);
  return paths;
}

// What fill_blanks() makes of `text` and a target written as text.
struct Filler {
  Tokenizer tokenizer{GENERATE_COPY(from_range(models())), 100};

  std::string operator()(const std::string& text, const std::string& target) const {
    return fill_blanks(tokenizer, text, tokenizer.encode(target));
  }
};

TEST_CASE("infill: each span goes into its blank", "[infill]") {
  const Filler fill;
  const std::string filled = "Thank you for inviting me to your party last week.";
  CHECK(fill(kText, "<extra_id_0> for inviting <extra_id_1> last <extra_id_2>") == filled);
  CHECK(fill(kText, "<extra_id_0> for inviting <extra_id_1> last") == filled);
  // The number decides, not the order.
  CHECK(fill(kText, "<extra_id_1> last <extra_id_0> for inviting") == filled);
  CHECK(fill("<extra_id_0> you <extra_id_1>", "<extra_id_0> Thank <extra_id_1> all.") ==
        "Thank you all.");
  CHECK(fill("<extra_id_1> <extra_id_10> <extra_id_99>",
             "<extra_id_10> ten <extra_id_1> one <extra_id_99> last") == "one ten last");
}

TEST_CASE("infill: a blank that the target does not know stays", "[infill]") {
  const Filler fill;
  CHECK(fill(kText, "<extra_id_1> last <extra_id_2>") ==
        "Thank you <extra_id_0> me to your party last week.");
  CHECK(fill(kText, "") == kText);
  CHECK(fill(kText, "for inviting") == kText);
}

TEST_CASE("infill: a sentinel that the text does not know is passed over with its span",
          "[infill]") {
  const Filler fill;
  CHECK(fill(kText, "<extra_id_0> for inviting <extra_id_7> never <extra_id_1> last") ==
        "Thank you for inviting me to your party last week.");
  CHECK(fill("No blanks.", "<extra_id_0> for <extra_id_1> last") == "No blanks.");
  CHECK(fill("", "<extra_id_0> for") == "");
}

TEST_CASE("infill: of a sentinel that comes twice the first span counts", "[infill]") {
  const Filler fill;
  CHECK(fill(kText, "<extra_id_0> for inviting <extra_id_0> from <extra_id_1> last") ==
        "Thank you for inviting me to your party last week.");
  // A blank that comes twice is two blanks, filled in turn.
  CHECK(fill("<extra_id_0> and <extra_id_0>", "<extra_id_0> one <extra_id_0> two") ==
        "one and two");
}

TEST_CASE("infill: an empty span takes its blank away", "[infill]") {
  const Filler fill;
  CHECK(fill(kText, "<extra_id_0> <extra_id_1> last <extra_id_2>") ==
        "Thank you  me to your party last week.");
  CHECK(fill(kText, "<extra_id_0> for inviting <extra_id_1>") ==
        "Thank you for inviting me to your party  week.");
}

TEST_CASE("infill: what stands before the first sentinel belongs to no blank", "[infill]") {
  const Filler fill;
  CHECK(fill(kText, "so to say <extra_id_0> for inviting <extra_id_1> last") ==
        "Thank you for inviting me to your party last week.");
}

TEST_CASE("infill: prompts as the objective makes its inputs", "[infill]") {
  ObjectiveOptions options;
  CHECK(prompt_denoiser(options, "", true).kind == DenoiserKind::span);
  CHECK(prompt_denoiser(options, "", false).kind == DenoiserKind::span);  // with a warning
  options.objective = Objective::prefix_lm;
  CHECK(prompt_denoiser(options, "", false).kind == DenoiserKind::random_prefix);
  CHECK_THROWS_AS(prompt_denoiser(options, "", true), ConfigError);
  options.objective = Objective::next_token;
  CHECK_THROWS_AS(prompt_denoiser(options, "", false), ConfigError);
  options.objective = Objective::ul2;
  CHECK(prompt_denoiser(options, "", true).mode_token == "<extra_id_99>");
  CHECK(prompt_denoiser(options, "", false).mode_token == "<extra_id_98>");
  CHECK(prompt_denoiser(options, "X", true).mode_token == "<extra_id_97>");
  CHECK_THROWS_AS(prompt_denoiser(options, "S", true), ConfigError);
  CHECK_THROWS_AS(prompt_denoiser(options, "Q", false), ConfigError);
}

TEST_CASE("infill: a continuation keeps its space", "[infill]") {
  const Tokenizer tokenizer(GENERATE_COPY(from_range(models())), 100);
  const std::vector<int32_t> rest = tokenizer.encode("Thank you for inviting me to your party.");
  std::vector<int32_t> target(rest.begin() + std::ssize(tokenizer.encode("Thank you")), rest.end());
  target.push_back(tokenizer.eos());
  target.push_back(rest[0]);
  CHECK(continue_text(tokenizer, "Thank you", target) ==
        "Thank you for inviting me to your party.");
  const Tokenizer bytes(kByteTokenizer, 3);
  CHECK(continue_text(bytes, "a", bytes.encode(" b")) == "a b");
  std::vector<int32_t> ids = bytes.encode("a");
  ids.insert(ids.begin(), 261);
  ids.push_back(1);
  CHECK(infill_prompt(bytes, "a", 261) == ids);
}

}  // namespace
}  // namespace sy
