// SPDX-License-Identifier: Apache-2.0
#include "lib/report/page.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "lib/report/chart.h"
#include "lib/report/html.h"
#include "lib/report/run_tables.h"
#include "tests/support/shared_files.h"

namespace sy::report {
namespace {

namespace fs = std::filesystem;

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// A run's folder of one step under `parent`.
std::string make_run(const std::string& parent, const std::string& name) {
  const std::string path = parent + "/" + name;
  fs::create_directories(path + "/checkpoints/step-00000020");
  fs::create_directories(path + "/checkpoints/step-00000040.partial");
  write(path + "/metrics.jsonl", "{\"kind\": \"train\", \"step\": 20, \"loss\": 4.5}\n");
  write(path + "/checkpoints/step-00000020/manifest.json", std::string(1 << 19, 'x'));
  write(path + "/checkpoints/step-00000020/index.h5", std::string(1 << 20, 'x'));
  return path;
}

size_t count(const std::string& text, const std::string& word) {
  size_t found = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST_CASE("page: text is escaped", "[page]") {
  CHECK(escaped("a<b> & \"c\" 'd'\n") == "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;\n");
  CHECK(escaped("caf\xc3\xa9") == "caf\xc3\xa9");
  CHECK(escaped("\xff|\xc3|\x01|\x7f|" + std::string(1, '\0')) ==
        "\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD");
}

TEST_CASE("page: a run's folder is read", "[page]") {
  const std::string path = make_run(test::temporary_folder(), "tiny");
  write(path + "/log.txt",
        "backend: cpu\nmemory per rank: parameters 1 MiB\nstep 20/40  loss 4.5\n"
        "resumed from x at step 20\nwarning: a\n[rank 1/2 n] warning: b\nno warning: c\n"
        "memory per rank: parameters 2 MiB\n");
  write(path + "/config.yaml", "train: {steps: 40}\n");
  const RunData run = read_run(path + "/");
  CHECK(run.name == "tiny");
  REQUIRE(run.checkpoints.size() == 1);
  CHECK(run.checkpoints[0].step == 20);
  CHECK(run.checkpoints[0].bytes == (3 << 19));
  CHECK_THAT(run.checkpoints[0].committed, Catch::Matches("20[0-9-]{8} [0-9:]{8} UTC"));
  CHECK(run.log.events == std::vector<std::string>{"resumed from x at step 20"});
  CHECK(run.log.warnings == std::vector<std::string>{"warning: a", "[rank 1/2 n] warning: b"});
  CHECK(run.log.memory == "parameters 2 MiB");
  REQUIRE(run.config);
  CHECK(run.config->train.steps == 40);
}

TEST_CASE("page: the rest of a folder may be absent or bad", "[page]") {
  const std::string path = make_run(test::temporary_folder(), "tiny");
  CHECK_THAT(page_html({read_run(path)}), Catch::Contains("there is no config.yaml"));
  write(path + "/config.yaml", "trian: {}\nx: 1\n");
  const RunData run = read_run(path);
  CHECK_FALSE(run.config);
  CHECK_THAT(run.config_fault, Catch::Contains("config.yaml:1:1") && !Catch::Contains("\n"));
  CHECK_THROWS_AS(read_run("/nowhere"), DataError);
  CHECK_THROWS_AS(read_run(path + "/config.yaml"), DataError);
}

TEST_CASE("page: runs of one name are called by their paths", "[page]") {
  const std::string parent = test::temporary_folder();
  std::vector<RunData> runs;
  for (const char* folder : {"/a", "/b"})
    runs.push_back(read_run(make_run(parent + folder, "same")));
  runs.push_back(read_run(make_run(parent, "other")));
  distinguish(runs);
  CHECK(runs[0].name == parent + "/a/same");
  CHECK(runs[1].name == parent + "/b/same");
  CHECK(runs[2].name == "other");
}

TEST_CASE("page: keys in which configurations differ, with the values of all runs", "[page]") {
  std::vector<RunData> runs(4);
  for (size_t i = 0; i < runs.size(); ++i) runs[i].name = "r" + std::to_string(i);
  CHECK(configuration_differences(runs).empty());
  for (const size_t i : {0, 2, 3}) runs[i].config.emplace();
  CHECK(configuration_differences(runs).empty());
  runs[2].config->train.steps = 7;
  runs[3].config->data.train = {"<a>"};
  const std::string html = configuration_differences(runs);
  const std::string steps = std::to_string(RunConfig{}.train.steps);
  CHECK_THAT(html, Catch::Contains("train.steps</th><td>" + steps + "</td><td>7</td><td>" + steps));
  CHECK_THAT(html, Catch::Contains("data.train</th><td>") && Catch::Contains("&lt;a&gt;"));
  CHECK(count(html, "<tr>") == 3);
  CHECK(count(html, "r1") == 0);
}

TEST_CASE("page: a chart says what it leaves out, and draws one point", "[page]") {
  const std::string path = make_run(test::temporary_folder(), "tiny");
  write(path + "/metrics.jsonl",
        "{\"kind\": \"train\", \"step\": 20, \"loss\": 4.5, \"mfu\": null}\n"
        "{\"kind\": \"train\", \"step\": 40, \"loss\": null, \"mfu\": null}\n");
  const std::string html = page_html({read_run(path)});
  CHECK_THAT(html, Catch::Contains("tiny: 1 of 2 values is not finite and left out."));
  CHECK_THAT(html, Catch::Contains("No value is finite."));
  CHECK(count(html, "<circle") == 2);  // by steps and by time: tokens are not known
}

TEST_CASE("page: a long curve is drawn by a thousand points", "[page]") {
  Chart chart{"c", "C", "q", "A.", {{0, "run", {}}}};
  for (int i = 0; i < 50000; ++i) chart.curves[0].points.push_back({{1.0 * i, 0, 0}, i % 7 * 1.0});
  const std::string html = chart_html(chart);
  const size_t at = html.find("points=\"") + 8;
  CHECK(count(html.substr(at, html.find('"', at) - at), ",") <= 1000);
  CHECK(count(html, "<td>run</td>") + count(html, "<th scope=\"row\">run</th>") <= 40);
}

}  // namespace
}  // namespace sy::report
