// SPDX-License-Identifier: Apache-2.0
// When records are written (record_file.h), and where: RUN/flight/START, one folder for each start
// of a run. It begins with `ranks.json`, the host and process of every rank, so that a rank that
// leaves no record can still be named. A run that ends as it should removes its folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/dist/communicator.h"
#include "lib/dist/flight/record_file.h"
#include "lib/dist/flight/starts.h"

namespace sy::flight {

// Where a rank runs; pid 0: not known.
struct RankPlace {
  std::string host;
  int64_t pid = 0;
};

constexpr const char* kRanksFile = "ranks.json";
constexpr size_t kStartsKept = 5;  // folders of earlier starts beside the present one

// While it exists, a failure, a hang, SIGSEGV and the like, and SIGTERM leave a record. One per
// process.
class FlightLog {
 public:
  // `start` names this start of the run, in the order of time, the same on every rank. A folder
  // that cannot be written is only a warning. Collective.
  FlightLog(const std::string& run, const std::string& start, Communicator& world);
  ~FlightLog();  // while an exception unwinds, its failure can still be recorded
  FlightLog(const FlightLog&) = delete;
  FlightLog& operator=(const FlightLog&) = delete;

  // The run ends as it should: removes what was written. Collective.
  void end();

  const std::vector<RankPlace>& places() const { return places_; }

 private:
  void prepare(const std::string& run) const;
  void stop();

  std::string folder_;
  Communicator& world_;
  std::vector<RankPlace> places_;
  std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
};

// Writes the record of a failure that ends the program. For main().
void record_failure(const std::string& message);

// Asks the watchdog to write the record: SIGTERM came. Async-signal-safe.
void ask_for_record();

// Called by the watchdog several times a second. Writes the record if that was asked for.
void answer();

// Called by the watchdog before it ends the job, when this process has hung for longer than `limit`
// seconds (Reason::hang) or a collective has failed (failure): writes the record. The first rank to
// hang waits a moment for the records of the others, and gets their diagnosis in one sentence; ""
// if there are none. The first to fail waits for nobody: the others, which may still be busy, write
// theirs when they are ended. All but the first wait to be ended with it, a little longer.
std::string explain_fault(Reason reason, const std::string& fault, double limit);

}  // namespace sy::flight
