// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "cmd/commands.h"
#include "lib/report/page.h"

namespace sy {
namespace {

struct ReportOptions {
  std::vector<std::string> runs;
  std::string output;
};

ExitCode write_report(const ReportOptions& options) {
  std::vector<report::RunData> runs;
  for (const std::string& path : options.runs) runs.push_back(report::read_run(path));
  report::distinguish(runs);
  const std::string page = report::page_html(runs);
  const std::string path =
      options.output.empty() ? options.runs.front() + "/report.html" : options.output;
  std::ofstream file(path, std::ios::binary);
  file << page;
  file.close();
  if (!file) {
    throw RuntimeFailure(fmt::format("{} cannot be written: {}; choose another place with --output",
                                     path, std::strerror(errno)));
  }
  fmt::print("{}\n", path);
  return ExitCode::done;
}

}  // namespace

Run setup_report(CLI::App& app) {
  auto options = std::make_shared<ReportOptions>();
  app.add_option("RUN", options->runs, "folders of runs, such as runs/NAME")->required();
  app.add_option("--output", options->output,
                 "the page; default: report.html in the folder of the first run")
      ->type_name("FILE");
  return [options] { return write_report(*options); };
}

}  // namespace sy
