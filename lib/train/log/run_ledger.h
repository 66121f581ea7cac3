// SPDX-License-Identifier: Apache-2.0
// How the time of a run was spent, over all of its starts: ledger.jsonl in its folder. A line says
// how long the start that wrote it has spent on each activity so far:
//
//   {"start": "1764456000-417", "resumed": 10, "time": 1764456003.2, "step": 10, "seconds": {...}}
//
// `resumed` stands in a start's first line: the step that it goes on from. `time` is the time of
// day in seconds since 1970; it only says how long nothing ran between two starts.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "lib/train/log/activity_clock.h"

namespace sy {

struct Goodput {
  ActivitySeconds kept{};  // without what was lost
  // Seconds after the checkpoint that a later start resumed from, but for those of starting; and
  // the steps that were trained in them. Of a start that was killed, as far as it had written.
  double lost = 0;
  int64_t lost_steps = 0;
  double between = 0;  // seconds between the last line of a start and the beginning of the next
  int64_t starts = 0;
  int64_t steps = 0;  // that were kept

  double total() const;  // seconds of all starts
  // The share of the total that trained the steps that were kept; 0 if nothing was done.
  double share() const;
};

// Sums up a ledger. Lines that are not whole, such as a torn last one, are passed over. Throws
// DataError if the file cannot be read.
Goodput read_ledger(const std::string& path);

// The same as a table, as one line of JSON, and in one sentence for the log.
std::string goodput_table(const Goodput& goodput);
std::string goodput_json(const Goodput& goodput);
std::string goodput_text(const Goodput& goodput);

// For rank 0 only. A line has been handed to the operating system when a function returns.
class RunLedger {
 public:
  // Begins a start that goes on from step `resumed`: adds its first line. `clock`, which must
  // outlive it, began with the start. Throws RuntimeFailure, as write() does.
  RunLedger(const std::string& path, const std::string& start, int64_t resumed,
            const ActivityClock& clock);

  // To be called after steps and after saving, so that what is spent afterwards can be told apart.
  void write(int64_t step);

  // Up to now, of all starts.
  Goodput so_far() const;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void write_line(bool first);

  std::string path_, start_;
  const ActivityClock& clock_;
  int64_t resumed_, step_;
  Goodput before_;  // of the starts before this one, now that it is known where this one goes on
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace sy
