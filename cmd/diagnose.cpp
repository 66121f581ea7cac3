// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cmd/commands.h"
#include "lib/base/log.h"
#include "lib/dist/flight/diagnosis_json.h"
#include "lib/dist/flight/verdict.h"

namespace sy {
namespace {

struct DiagnoseOptions {
  std::string run;
  bool json = false;
};

void print_text(const flight::FlightRecords& records, const flight::Diagnosis& diagnosis) {
  fmt::print("{}\n\n{}, {}: {} of {} ranks left a record\n", diagnosis.verdict, records.folder,
             text_of(records.start), records.count(), records.ranks.size());
  size_t widest = 4;
  for (const auto& rank : records.ranks) widest = std::max(widest, rank.place.host.size());
  fmt::print("{:>5}  {:<{}}  {:>8}  {:>8}\n", "rank", "host", widest, "pid", "step");
  for (size_t rank = 0; rank < records.ranks.size(); ++rank) {
    const flight::RankPlace& place = records.ranks[rank].place;
    const auto& record = records.ranks[rank].record;
    const bool is_known = place.pid != 0;
    fmt::print("{:>5}  {:<{}}  {:>8}  {:>8}  {}\n", rank, is_known ? place.host : "?", widest,
               is_known ? fmt::format("{}", place.pid) : "?",
               record ? fmt::format("{}", record->step) : "",
               flight::state_text(records, diagnosis, static_cast<int>(rank)));
  }
}

// Of what could not be read, and that the run has been started since.
void warn(const flight::FlightRecords& records) {
  for (const std::string& fault : records.faults) log::warn("{}", fault);
  if (records.later.empty()) return;
  log::warn("what follows is about {}; {}", text_of(records.start), text_of_later(records.later));
}

ExitCode diagnose(const DiagnoseOptions& options) {
  const flight::FlightRecords records = flight::newest_records(options.run);
  warn(records);
  const flight::Diagnosis diagnosis = flight::diagnose(records);
  if (options.json) {
    fmt::print("{}\n", json_line(flight::diagnosis_json(records, diagnosis)));
  } else {
    print_text(records, diagnosis);
  }
  return ExitCode::done;
}

}  // namespace

Run setup_diagnose(CLI::App& app) {
  auto options = std::make_shared<DiagnoseOptions>();
  app.add_option("RUN", options->run, "folder of a run, such as runs/NAME")->required();
  app.add_flag("--json", options->json, "one JSON object: cause, verdict, divergence, states");
  return [options] { return diagnose(*options); };
}

}  // namespace sy
