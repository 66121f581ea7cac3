// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <filesystem>

#include "tests/cli/program.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using test::read_file;
using test::run_program;
using test::write_file;

// A run's folder whose metrics are `lines`.
std::string run_with(const std::string& lines) {
  const std::string path = test::temporary_folder() + "/small";
  std::filesystem::create_directories(path);
  write_file(path + "/metrics.jsonl", lines);
  return path;
}

const std::string kLine = "{\"kind\": \"train\", \"step\": 20, \"loss\": 4.5}\n";

TEST_CASE("report: the page lies in the first run's folder, or where it is told", "[report]") {
  const std::string run = run_with(kLine), other = run_with(kLine);
  const auto alone = run_program({"report", run});
  CHECK(alone.code == 0);
  CHECK(alone.out == run + "/report.html\n");
  CHECK(alone.err.empty());
  CHECK_THAT(read_file(run + "/report.html"), Catch::Contains("<title>Run small</title>"));
  const std::string page = test::temporary_folder() + "/page.html";
  CHECK(run_program({"report", run, other, "--output", page}).out == page + "\n");
  CHECK_THAT(read_file(page), Catch::Contains("<title>2 runs compared</title>"));
  CHECK_FALSE(std::filesystem::exists(other + "/report.html"));
}

TEST_CASE("report: what is wrong is one sentence", "[report]") {
  const auto fails = [](const std::string& run, const std::string& output, int code,
                        const std::string& words) {
    const auto outcome = run_program({"report", run, "--output", output});
    CHECK(outcome.code == code);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, Catch::StartsWith("error: " + words));
    CHECK(outcome.err.find('\n') + 1 == outcome.err.size());
  };
  const std::string page = test::temporary_folder() + "/page.html";
  const std::string torn = run_with(kLine + "{\"kind\"\n" + kLine), good = run_with(kLine);
  fails("/nowhere", page, 3, "/nowhere is not a folder");
  fails(test::temporary_folder(), page, 3, "");
  fails(torn, page, 3, torn + "/metrics.jsonl:2: not a line of metrics");
  fails(run_with(""), page, 3, "");
  CHECK_FALSE(std::filesystem::exists(page));
  fails(good, "/nowhere/page.html", 1, "/nowhere/page.html cannot be written: No such file");
  CHECK(run_program({"report"}).code == 2);
}

}  // namespace
}  // namespace sy
