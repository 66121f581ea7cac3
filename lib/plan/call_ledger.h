// SPDX-License-Identifier: Apache-2.0
// What every rank of a mesh calls, in order. Calls that are the same are kept once, so the calls of
// thousands of ranks fit into memory.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/dist/planned_world.h"

namespace sy {

// A call, as numbers into the ledger's tables.
struct LedgerCall {
  int group = 0;   // index into kMeshGroups; the number of them for "world"
  int agreed = 0;  // what all ranks of the group must have alike
  int rows = -1;   // what is sent to and expected from each; -1: nothing to compare
  bool operator==(const LedgerCall&) const = default;
};

// The rows of a ragged all-to-all: `each` blocks for every rank of the group.
struct LedgerRows {
  int64_t each = 0;
  std::vector<int64_t> sends, receives;
  bool even = false;  // every block of both has the same number of rows
};

class CallLedger {
 public:
  explicit CallLedger(int ranks) : calls_(static_cast<size_t>(ranks)) {}

  // Appends a call of this rank. Any thread. Without `compare_rows`, the rows of a ragged
  // all-to-all are left out: dropless, the plan has bounds in their place, which need not match.
  void add(int rank, const PlannedCall& call, bool compare_rows);

  int ranks() const { return static_cast<int>(calls_.size()); }
  const std::vector<LedgerCall>& calls(int rank) const { return calls_[static_cast<size_t>(rank)]; }
  // For tests, which plant faults.
  std::vector<LedgerCall>& calls(int rank) { return calls_[static_cast<size_t>(rank)]; }

  // "all_to_all_rows 'dispatch' over expert: 512 x float32"
  std::string describe(const LedgerCall& call) const;
  const LedgerRows& rows(const LedgerCall& call) const {
    return rows_[static_cast<size_t>(call.rows)];
  }

 private:
  std::mutex mutex_;
  std::vector<std::vector<LedgerCall>> calls_;  // by rank
  std::unordered_map<std::string, int> agreed_numbers_, rows_numbers_;
  std::vector<std::string> agreed_;
  std::vector<LedgerRows> rows_;
};

// Writes what one rank calls into a ledger.
class LedgerListener final : public CallListener {
 public:
  LedgerListener(CallLedger& ledger, int rank, bool compare_rows)
      : ledger_(ledger), rank_(rank), compare_rows_(compare_rows) {}
  void on_call(const PlannedCall& call) override { ledger_.add(rank_, call, compare_rows_); }

 private:
  CallLedger& ledger_;
  int rank_;
  bool compare_rows_;
};

}  // namespace sy
