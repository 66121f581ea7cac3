// SPDX-License-Identifier: Apache-2.0
// `distill` as a user runs it: a dense student of a sparse teacher, interrupted and resumed, and
// what is refused.
#include "tests/cli/tiny_runs.h"

namespace sy {
namespace {
using namespace test;

const std::vector<std::string> kSparse{"model.experts.count=4", "train.steps=20"};

std::vector<std::string> student(const std::vector<std::string>& more = {}) {
  std::vector<std::string> sets{"distill.teacher=runs/teacher", "train.steps=8"};
  sets.insert(sets.end(), more.begin(), more.end());
  return sets;
}

TEST_CASE("distill: a dense student begins with the teacher's layers and learns from it",
          "[distill]") {
  const Runs runs;
  REQUIRE(runs.pretrain("teacher", kSparse).code == 0);
  const auto taught = runs.train("distill", "taught", student());
  CAPTURE(taught.err);
  REQUIRE(taught.code == 0);
  CHECK_THAT(taught.out, Catch::Contains("teacher: runs/teacher/checkpoints/step-00000020") &&
                             Catch::Contains("parameters (") &&
                             Catch::Contains("%) come from the teacher") &&
                             Catch::Contains("% fewer than the teacher's"));
  const std::vector<double> hard = runs.losses("taught"), soft = runs.logged("taught", "soft_loss");
  REQUIRE(soft.size() == 8);
  // It begins better than the teacher did, having half of its layers.
  CHECK(hard[0] < runs.losses("teacher")[0] - 0.1);
  CHECK(mean(soft, 4, 4) < mean(soft, 0, 4));

  // Stopped after three steps and resumed, it writes the same numbers.
  REQUIRE(runs.train("distill", "again", student({"train.steps=3"})).code == 0);
  const auto resumed = runs.train("distill", "again", student());
  REQUIRE(resumed.code == 0);
  CHECK_FALSE(resumed.out.find("come from the teacher") != std::string::npos);
  CHECK(runs.losses("again") == hard);
  CHECK(runs.logged("again", "soft_loss") == soft);
}

TEST_CASE("distill: without weight of the teacher it is pretrain", "[distill]") {
  const Runs runs;
  REQUIRE(runs.pretrain("teacher", kSparse).code == 0);
  REQUIRE(
      runs.train("distill", "taught", student({"distill.soft=0", "distill.start=random"})).code ==
      0);
  REQUIRE(runs.pretrain("plain", {"train.steps=8"}).code == 0);
  CHECK(runs.losses("taught") == runs.losses("plain"));
  CHECK(runs.logged("taught", "grad_norm") == runs.logged("plain", "grad_norm"));
}

TEST_CASE("distill: what it refuses", "[distill]") {
  const Runs runs;
  const auto none = runs.train("distill", "none", {});
  CHECK(none.code == 2);
  CHECK_THAT(none.err, Catch::Contains("distill.teacher: is empty"));
  const auto absent = runs.train("distill", "absent", {"distill.teacher=nowhere"});
  CHECK(absent.code == 3);
  CHECK_THAT(absent.err, Catch::Contains("nowhere is not a committed checkpoint"));

  REQUIRE(runs.pretrain("teacher", {"train.steps=1"}).code == 0);
  const auto other = runs.train("distill", "other",
                                student({"data.tokenizer=" + sample().small_tokenizer,
                                         "model.vocab_size=704", "data.encoder_length=40"}));
  CHECK(other.code == 2);
  CHECK_THAT(other.err, Catch::Contains("data.encoder_length: 32 -> 40") &&
                            Catch::Contains("data.tokenizer") &&
                            Catch::Contains("has other contents than"));
  const auto wide = runs.train("distill", "wide", student({"model.d_model=32"}));
  CHECK(wide.code == 2);
  CHECK_THAT(wide.err, Catch::Contains("distill.start: random"));
  CHECK_FALSE(std::filesystem::exists(runs.path("runs/wide/config.yaml")));
}

}  // namespace
}  // namespace sy
