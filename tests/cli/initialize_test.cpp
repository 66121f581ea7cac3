// SPDX-License-Identifier: Apache-2.0
// train.initialize_from as a user runs it: from another run, from upcycled weights, and what is
// refused.
#include <catch2/catch.hpp>

#include "tests/cli/tiny_runs.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("initialize: a dense run, upcycled, goes on falling as a sparse one", "[initialize]") {
  const Runs runs;
  REQUIRE(runs.pretrain("dense", {}).code == 0);
  const std::vector<double> dense = runs.losses("dense");
  REQUIRE(dense.size() == 30);
  CHECK(mean(dense, 25, 5) < mean(dense, 0, 5) - 0.3);

  REQUIRE(runs.run({"convert", "--from", "switchyard", "--to", "switchyard", "runs/dense", "up",
                    "--upcycle", "4"})
              .code == 0);
  const auto sparse =
      runs.pretrain("sparse", {"model.experts.count=4", "train.initialize_from=up"});
  CAPTURE(sparse.err);
  REQUIRE(sparse.code == 0);
  CHECK_THAT(sparse.out + sparse.err, Catch::Contains("weights initialised from up"));
  const std::vector<double> upcycled = runs.losses("sparse");
  REQUIRE(upcycled.size() == 30);
  // It begins where the dense run ended, and not where a fresh one begins.
  CHECK(upcycled[0] < mean(dense, 0, 5) - 0.2);
  CHECK(mean(upcycled, 25, 5) < mean(upcycled, 0, 5) - 0.1);
}

TEST_CASE("initialize: another run's weights, all else fresh", "[initialize]") {
  const Runs runs;
  REQUIRE(runs.pretrain("first", {"train.steps=6"}).code == 0);
  // A learning rate of nearly nothing keeps the weights, so both runs see the same loss at step 1.
  const std::vector<std::string> still{"optimizer.learning_rate=1e-30", "train.steps=2",
                                       "train.initialize_from=runs/first"};
  REQUIRE(runs.pretrain("second", still).code == 0);
  REQUIRE(runs.pretrain("third", still).code == 0);
  CHECK(runs.losses("second") == runs.losses("third"));
  CHECK(runs.losses("second")[0] < runs.losses("first")[0]);
  // Steps already made are not undone: a resumed run is not initialised again.
  std::vector<std::string> longer = still;
  longer[1] = "train.steps=4";
  const auto resumed = runs.pretrain("second", longer);
  CHECK(resumed.code == 0);
  CHECK_FALSE((resumed.out + resumed.err).find("weights initialised") != std::string::npos);
  CHECK(runs.losses("second").size() == 4);
}

TEST_CASE("initialize: weights of another model are refused by key", "[initialize]") {
  const Runs runs;
  REQUIRE(runs.pretrain("first", {"train.steps=1"}).code == 0);
  const auto other = runs.pretrain(
      "other", {"train.initialize_from=runs/first", "model.d_ff=64", "model.experts.count=2"});
  CHECK(other.code == 2);
  for (const char* word :
       {"train.initialize_from", "model.d_ff: 32 -> 64", "model.experts.count: 0 -> 2"}) {
    CHECK_THAT(other.err, Catch::Contains(word));
  }
  const auto absent = runs.pretrain("absent", {"train.initialize_from=nowhere"});
  CHECK(absent.code == 3);
  CHECK_THAT(absent.err, Catch::Contains("nowhere is not a committed checkpoint"));
}

TEST_CASE("initialize: --resume takes a run's folder, and says what another one is",
          "[initialize]") {
  const Runs runs;
  REQUIRE(runs.pretrain("first", {"train.steps=2"}).code == 0);
  CHECK(runs.pretrain("first", {"train.steps=3"}, "runs/first").code == 0);
  CHECK(runs.pretrain("first", {"train.steps=4"}, "runs/first/checkpoints").code == 0);
  CHECK(runs.losses("first").size() == 4);
  const std::string hf = SY_SOURCE_DIR "/tests/reference/data/generate/t5";
  const auto refused = runs.pretrain("second", {}, hf);
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, Catch::Contains("switchyard convert --from hf"));
}

TEST_CASE("initialize: sparse layers by list train, save and resume", "[initialize]") {
  const Runs runs;
  const std::vector<std::string> lists{
      "model.experts={count: 2, layers: {encoder: [0], decoder: []}}", "train.steps=2"};
  REQUIRE(runs.pretrain("lists", lists).code == 0);
  const auto shown = runs.run({"inspect", "runs/lists/checkpoints/step-00000002"});
  CHECK_THAT(shown.out, Catch::Contains("encoder/layers/0/moe/router") &&
                            Catch::Contains("encoder/layers/1/ffn/wi") &&
                            !Catch::Contains("decoder/layers/1/moe"));
  const auto back = runs.run({"convert", "--from", "switchyard", "--to", "hf", "runs/lists", "hf"});
  CHECK(back.code == 2);
  CHECK_THAT(back.err, Catch::Contains("model.experts.layers"));
}

}  // namespace
}  // namespace sy
