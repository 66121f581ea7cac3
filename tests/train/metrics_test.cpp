// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/metrics.h"

#include <simdjson.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <fstream>
#include <limits>
#include <vector>

#include "lib/base/error.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TrainMetrics at_step(int64_t step) {
  TrainMetrics metrics;
  metrics.step = step;
  metrics.loss = 1.0 / static_cast<double>(step);
  return metrics;
}

TEST_CASE("metrics: a line holds every field of the contract", "[metrics]") {
  simdjson::dom::parser parser;
  const std::string line = to_json(at_step(3));
  const simdjson::dom::element object = parser.parse(line);
  CHECK(std::string(object["kind"].get_c_str()) == "train");
  for (const char* key : {"step", "tokens", "loss", "neg_log_perplexity", "balance_loss", "z_loss",
                          "grad_norm", "learning_rate", "step_seconds", "save_seconds",
                          "tokens_per_second", "mfu", "dropped_fraction", "expert_load_max"}) {
    INFO(key);
    CHECK(object[key].is_number());
  }
  const std::string evaluation = to_json(EvaluationMetrics{});
  CHECK(std::string(parser.parse(evaluation)["kind"].get_c_str()) == "evaluation");
}

TEST_CASE("metrics: scores are an object by task", "[metrics]") {
  EvaluationMetrics metrics;
  CHECK(to_json(metrics).find("tasks") == std::string::npos);
  metrics.tasks = {{"rte", {{"accuracy", 61.25}}}, {"xsum", {{"rouge1", 30}, {"rouge2", 10.5}}}};
  CHECK_THAT(to_json(metrics),
             Catch::Contains("\"tasks\": {\"rte\": {\"accuracy\": 61.25}, \"xsum\": "
                             "{\"rouge1\": 30.0, \"rouge2\": 10.5}}"));
}

TEST_CASE("metrics: routers are an object by layer", "[metrics]") {
  TrainMetrics metrics = at_step(3);
  CHECK(to_json(metrics).find("router") == std::string::npos);
  metrics.router = {{"encoder/layers/1", 0.25, 0.75, 1.5, 2.0, 0.5},
                    {"decoder/layers/3", 0, 1, 1, 1, 1}};
  metrics.logit_z_loss = 118.5;
  simdjson::dom::parser parser;
  const std::string line = to_json(metrics);
  const simdjson::dom::element object = parser.parse(line);
  const simdjson::dom::element layer = object["router"]["encoder/layers/1"];
  CHECK(layer["dropped_fraction"].get_double().value() == 0.25);
  CHECK(layer["experts_per_token"].get_double().value() == 0.75);
  CHECK(layer["load_max"].get_double().value() == 1.5);
  CHECK(layer["entropy"].get_double().value() == 2.0);
  CHECK(layer["top_probability"].get_double().value() == 0.5);
  CHECK(object["router"]["decoder/layers/3"]["entropy"].get_double().value() == 1);
  CHECK(object["logit_z_loss"].get_double().value() == 118.5);
}

TEST_CASE("metrics: corpora are an object by name", "[metrics]") {
  EvaluationMetrics metrics;
  CHECK(to_json(metrics).find("corpora") == std::string::npos);
  metrics.corpora = {{"en", 2.5}, {"sw", 3.25}};
  CHECK_THAT(to_json(metrics), Catch::Contains(R"("corpora": {"en": 2.5, "sw": 3.25})"));
}

TEST_CASE("metrics: numbers read back to the same bits, others are null", "[metrics]") {
  simdjson::dom::parser parser;
  TrainMetrics metrics = at_step(1);
  metrics.loss = GENERATE(0.1, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, 10.373491181781864, 0.0);
  const std::string line = to_json(metrics);
  CHECK(parser.parse(line)["loss"].get_double().value() == metrics.loss);

  metrics.loss = std::numeric_limits<double>::quiet_NaN();
  metrics.grad_norm = std::numeric_limits<double>::infinity();
  const std::string broken = to_json(metrics);
  CHECK(parser.parse(broken)["loss"].is_null());
  CHECK(parser.parse(broken)["grad_norm"].is_null());
}

TEST_CASE("metrics: a resumed run has no step twice and drops a torn end", "[metrics]") {
  const std::string path = test::temporary_folder() + "/metrics.jsonl";
  {
    MetricsWriter writer(path, 0);
    for (const int64_t step : {10, 20, 30, 40}) {
      writer.write(at_step(step));
      EvaluationMetrics evaluation;
      evaluation.step = step;
      writer.write(evaluation);
    }
  }
  const std::vector<std::string> before = lines_of(path);
  REQUIRE(before.size() == 8);
  std::ofstream(path, std::ios::app) << before[0].substr(0, 25);
  {
    MetricsWriter writer(path, 20);
    writer.write(at_step(30));
  }
  const std::vector<std::string> after = lines_of(path);
  REQUIRE(after.size() == 5);
  for (size_t i = 0; i < after.size(); ++i) CHECK(after[i] == before[i]);
}

TEST_CASE("metrics: a last line that lost only its end of line is kept whole", "[metrics]") {
  const std::string path = test::temporary_folder() + "/metrics.jsonl";
  std::ofstream(path) << to_json(at_step(10));
  MetricsWriter(path, 10).write(at_step(20));
  CHECK(lines_of(path) == std::vector<std::string>{to_json(at_step(10)), to_json(at_step(20))});
}

TEST_CASE("metrics: each line is in the file at once, and a new run begins anew", "[metrics]") {
  const std::string path = test::temporary_folder() + "/metrics.jsonl";
  std::ofstream(path) << to_json(at_step(99)) << "\n";
  MetricsWriter writer(path, 0);
  CHECK(lines_of(path).empty());
  writer.write(at_step(1));
  CHECK(lines_of(path).size() == 1);
}

TEST_CASE("metrics: a file that cannot be written is the machine's fault, named", "[metrics]") {
  CHECK_THROWS_AS(MetricsWriter("/nonexistent/metrics.jsonl", 0), RuntimeFailure);
  if (std::ofstream("/dev/full").is_open()) {
    MetricsWriter writer("/dev/full", 0);
    CHECK_THROWS_AS(writer.write(at_step(1)), RuntimeFailure);
  }
}

}  // namespace
}  // namespace sy
