// SPDX-License-Identifier: Apache-2.0
#include "lib/report/metrics_file.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <fstream>

#include "lib/base/error.h"
#include "tests/support/shared_files.h"

namespace sy::report {
namespace {

const std::string kStep20 =
    R"({"kind": "train", "step": 20, "tokens": 100, "loss": 4.5, "step_seconds": 0.5})";
const std::string kStep40 =
    R"({"kind": "train", "step": 40, "tokens": 200, "loss": 4.0, "step_seconds": 0.25})";

std::string file_with(const std::string& text) {
  const std::string path = test::temporary_folder() + "/metrics.jsonl";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string failure_of(const std::string& path) {
  try {
    read_metrics(path);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("metrics: lines, their places, and the time that they took", "[metrics]") {
  const std::string before =
      R"({"kind": "evaluation", "step": 0, "tokens": 0, "loss": 8, "seconds": 3})";
  const std::string after =
      R"({"kind": "evaluation", "step": 40, "tokens": 200, "loss": 5, "seconds": 2, )"
      R"("corpora": {"c4": 4.5, "de": null}, "tasks": {"glue": {"f1": 80}}})";
  const Metrics metrics =
      read_metrics(file_with(before + "\n" + kStep20 + "\n" + kStep40 + "\n" + after + "\n"));
  REQUIRE(metrics.training.places.size() == 2);
  CHECK(metrics.training.places[0].seconds == 3 + 20 * 0.5);
  CHECK(metrics.training.places[1].seconds == 13 + 20 * 0.25);
  CHECK(metrics.training.places[1].tokens == 200);
  CHECK(metrics.evaluations.places[1].seconds == 20);
  const std::vector<Point> losses = metrics.training.points(metrics.training.numbers.at("loss"));
  REQUIRE(losses.size() == 2);
  CHECK(losses[1].value == 4.0);
  CHECK(losses[1].at.steps == 40);
  CHECK(metrics.evaluations.points(metrics.evaluations.corpora.at("c4")).at(0).at.steps == 40);
  CHECK(std::isnan(metrics.evaluations.corpora.at("de").values.at(0)));
  CHECK(metrics.evaluations.tasks.at("glue").at("f1").values == std::vector<double>{80});
  CHECK_FALSE(metrics.torn_end);
}

TEST_CASE("metrics: what routers did, by layer and in the mean", "[metrics]") {
  const Metrics metrics = read_metrics(file_with(
      R"({"kind": "train", "step": 1, "router": {"encoder/layers/1": {"load_max": 2, "top_probability": 0.25},)"
      R"( "decoder/layers/1": {"load_max": 4, "top_probability": 0.75}}})"
      "\n"));
  CHECK(metrics.router.layers() ==
        std::vector<std::string>{"encoder/layers/1", "decoder/layers/1"});
  CHECK(metrics.router.mean(1, 0, 0) == 4);
  CHECK(metrics.training.numbers.at("router/top_probability").values == std::vector<double>{0.5});
}

TEST_CASE("metrics: a torn last line is left out, a whole one without its end is not",
          "[metrics]") {
  const Metrics torn = read_metrics(file_with(kStep20 + "\n" + kStep40.substr(0, 50)));
  CHECK(torn.torn_end);
  CHECK(torn.training.places.size() == 1);
  const Metrics whole = read_metrics(file_with(kStep20 + "\n" + kStep40));
  CHECK_FALSE(whole.torn_end);
  CHECK(whole.training.places.size() == 2);
}

TEST_CASE("metrics: a bad line is named", "[metrics]") {
  const std::string bad =
      GENERATE("", "{", "[1]", "{\"kind\": \"train\"}", "{\"kind\": \"train\", \"step\": 1.5}",
               "{\"kind\": 1, \"step\": 30}", "\xff", "{\"kind\": \"train\", \"step\": 30} x",
               "{\"kind\": \"train\", \"step\": 30, \"loss\": 1e999}");
  const std::string path = file_with(kStep20 + "\n" + bad + "\n" + kStep40 + "\n");
  CHECK_THAT(failure_of(path), Catch::StartsWith(path + ":2: not a line of metrics"));
}

TEST_CASE("metrics: steps that go back, no line, no file", "[metrics]") {
  const std::string back = file_with(kStep40 + "\n" + kStep20 + "\n");
  CHECK_THAT(failure_of(back), Catch::StartsWith(back + ":2: step 20 comes after step 40"));
  CHECK_THAT(failure_of(file_with("")), Catch::Contains("has no line yet"));
  CHECK_THAT(failure_of(file_with("{\"kind\": \"tra")), Catch::Contains("has no line yet"));
  CHECK_THAT(failure_of("/nowhere/metrics.jsonl"),
             Catch::StartsWith("/nowhere/metrics.jsonl cannot be opened: No such file"));
}

TEST_CASE("metrics: kinds and members of other programs are passed over", "[metrics]") {
  const Metrics metrics = read_metrics(file_with(
      kStep20 + "\n{\"kind\": \"note\", \"step\": 5}\n" +
      R"({"kind": "train", "step": 40, "loss": 3, "host": "a", "corpora": 5, "router": [], "new": 7})"
      "\n"));
  CHECK(metrics.training.places.size() == 2);
  CHECK(std::isnan(metrics.training.places[1].tokens));
  CHECK(metrics.training.numbers.at("new").values == std::vector<double>{7});
}

TEST_CASE("metrics: values that JSON cannot hold", "[metrics]") {
  CHECK(without_nonfinite(R"({"a NaN": NaN, "b\"": -Infinity, "c": [Infinity, 1]})") ==
        R"({"a NaN": null, "b\"": null, "c": [null, 1]})");
  const Metrics metrics = read_metrics(
      file_with(R"({"kind": "train", "step": 1, "loss": NaN, "mfu": null, "grad_norm": -Infinity})"
                "\n"));
  CHECK(std::isnan(metrics.training.numbers.at("loss").values.at(0)));
  CHECK(std::isnan(metrics.training.numbers.at("mfu").values.at(0)));
  CHECK(std::isnan(metrics.training.numbers.at("grad_norm").values.at(0)));
}

}  // namespace
}  // namespace sy::report
