// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/call_ledger.h"

#include <algorithm>
#include <iterator>

#include "lib/dist/mesh_groups.h"

namespace sy {
namespace {

void append(std::string& bytes, std::span<const RowRange> ranges) {
  bytes.append(reinterpret_cast<const char*>(ranges.data()), ranges.size_bytes());
}

// What is printed, and after a line break what is not.
std::string agreed_text(const PlannedCall& call) {
  std::string text = fmt::format("{} '{}' over {}: {} x {}", call.collective, call.label,
                                 call.group, call.count, name_of(call.dtype));
  if (call.collective == "broadcast") text += fmt::format(" from {}", call.root);
  if (!call.pieces.empty()) {
    text += " in pieces\n";
    append(text, call.pieces);
  }
  return text;
}

bool is_even(const PlannedCall& call) {
  const auto same = [&call](const RowRange& range) {
    return range.count == call.sends.front().count;
  };
  return std::ranges::all_of(call.sends, same) && std::ranges::all_of(call.receives, same);
}

// Short where all blocks have the same number of rows.
std::string rows_text(const PlannedCall& call) {
  if (call.sends.empty()) return "";
  if (is_even(call)) return fmt::format("{} x {}", call.sends.size(), call.sends.front().count);
  std::string bytes;
  for (const std::span<const RowRange> ranges : {call.sends, call.receives}) {
    for (const RowRange& range : ranges) {
      bytes.append(reinterpret_cast<const char*>(&range.count), sizeof range.count);
    }
  }
  return bytes;
}

LedgerRows rows_of(const PlannedCall& call, int64_t ranks) {
  LedgerRows rows;
  rows.each = static_cast<int64_t>(call.sends.size()) / ranks;
  for (const RowRange& range : call.sends) rows.sends.push_back(range.count);
  for (const RowRange& range : call.receives) rows.receives.push_back(range.count);
  rows.even = is_even(call);
  return rows;
}

}  // namespace

void CallLedger::add(int rank, const PlannedCall& call, bool compare_rows) {
  const std::string agreed = agreed_text(call);
  const std::string rows = compare_rows ? rows_text(call) : "";
  LedgerCall entry;
  entry.group =
      static_cast<int>(std::ranges::find(kMeshGroups, call.group,
                                         [](const char* name) { return std::string_view(name); }) -
                       std::begin(kMeshGroups));
  const std::lock_guard lock(mutex_);
  const auto [known, is_new] = agreed_numbers_.emplace(agreed, std::ssize(agreed_));
  if (is_new) agreed_.push_back(agreed.substr(0, agreed.find('\n')));
  entry.agreed = known->second;
  if (!rows.empty()) {
    const auto [same, first] = rows_numbers_.emplace(rows, std::ssize(rows_));
    if (first) rows_.push_back(rows_of(call, call.ranks));
    entry.rows = same->second;
  }
  calls_[static_cast<size_t>(rank)].push_back(entry);
}

std::string CallLedger::describe(const LedgerCall& call) const {
  return agreed_[static_cast<size_t>(call.agreed)];
}

}  // namespace sy
