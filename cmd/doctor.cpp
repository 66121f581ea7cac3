// SPDX-License-Identifier: Apache-2.0
#include "cmd/commands.h"
#include "cmd/doctor_nodes.h"
#include "cmd/parallel.h"
#include "lib/base/log.h"
#include "lib/measure/health.h"
#include "lib/measure/measure_device.h"
#include "lib/plan/reference_step.h"

namespace sy {
namespace {

ExitCode examine(const std::string& folder) {
  Parallel parallel{RunSection{}};
  int complaints = 0;
  check_health(parallel.mpi, parallel.threads, folder, [&complaints](const Finding& finding) {
    const bool ok = finding.complaint.empty();
    log::line(fmt::format("{:<20} {:<56} {}", finding.subject, finding.result,
                          ok ? "ok" : "ATTENTION: " + finding.complaint));
    complaints += ok ? 0 : 1;
  });
  if (complaints == 0) {
    log::line("healthy");
    return ExitCode::done;
  }
  log::line(fmt::format("not healthy: {} of these need attention", complaints));
  return ExitCode::failed;
}

ExitCode describe_device() {
  Parallel parallel{RunSection{}};
  const Device device = with_reference_step(measure_device(parallel.mpi, parallel.threads),
                                            parallel.mpi.world(), parallel.resources());
  log::line(json_line(device_json(device)));
  return ExitCode::done;
}

}  // namespace

Run setup_doctor(CLI::App& app) {
  CLI::App* node = app.add_subcommand("node", "checks this node alone, without MPI");
  const Run run_node = setup_doctor_node(*node);
  CLI::App* nodes =
      app.add_subcommand("compare", "says which of the nodes so checked to leave out");
  const Run run_compare = setup_doctor_compare(*nodes);
  app.require_subcommand(0, 1);
  auto folder = std::make_shared<std::string>("runs");
  auto json = std::make_shared<bool>(false);
  app.add_option("--folder", *folder,
                 "directory to test writing in: the run.directory that runs will use")
      ->capture_default_str();
  app.add_flag("--json", *json,
               "instead, measures rates and links and prints them as `plan --device` reads them");
  return [=] {
    if (node->parsed()) return run_node();
    if (nodes->parsed()) return run_compare();
    return *json ? describe_device() : examine(*folder);
  };
}

}  // namespace sy
