// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/divergence.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace sy::flight {
namespace {

std::set<GroupKey> groups_of(const FlightRecords& records) {
  std::set<GroupKey> keys;
  for (const RecordedRank& rank : records.ranks) {
    if (!rank.record) continue;
    for (const auto& [key, group] : rank.record->groups) keys.insert(key);
  }
  return keys;
}

// nullptr if the rank has no record of the group.
const RecordedGroup* find_group(const RecordedRank& rank, const GroupKey& key) {
  if (!rank.record) return nullptr;
  const auto found = rank.record->groups.find(key);
  return found == rank.record->groups.end() ? nullptr : &found->second;
}

std::set<int64_t> numbers_of(const FlightRecords& records, const GroupKey& key) {
  std::set<int64_t> numbers;
  for (const int rank : key.ranks) {
    const RecordedGroup* group = find_group(records.ranks.at(static_cast<size_t>(rank)), key);
    if (group == nullptr) continue;
    for (const auto& [number, call] : group->calls) numbers.insert(number);
  }
  return numbers;
}

}  // namespace

bool are_alike(const RecordedCall& a, const RecordedCall& b) {
  return std::tie(a.collective, a.label, a.dtype, a.count) ==
         std::tie(b.collective, b.label, b.dtype, b.count);
}

const RecordedCall* find_call(const RecordedRank& rank, const GroupKey& group, int64_t number) {
  const RecordedGroup* of = find_group(rank, group);
  if (of == nullptr) return nullptr;
  const auto call = of->calls.find(number);
  return call == of->calls.end() ? nullptr : &call->second;
}

bool has_forgotten(const RecordedRank& rank, const GroupKey& group, int64_t number) {
  const RecordedGroup* of = find_group(rank, group);
  if (of == nullptr || number > of->begun) return false;
  return of->calls.empty() || number < of->calls.begin()->first;
}

Divergence compare_call(const FlightRecords& records, const GroupKey& group, int64_t number) {
  Divergence divergence{.group = group, .number = number, .made = {}, .absent = {}};
  auto& made = divergence.made;
  for (const int rank : group.ranks) {
    const RecordedCall* call =
        find_call(records.ranks.at(static_cast<size_t>(rank)), group, number);
    if (call == nullptr) {
      divergence.absent.push_back(rank);
      continue;
    }
    auto alike = std::find_if(made.begin(), made.end(),
                              [&](const auto& each) { return are_alike(each.call, *call); });
    if (alike == made.end()) alike = made.insert(made.end(), {.call = *call, .ranks = {}});
    alike->ranks.push_back(rank);
  }
  std::stable_sort(made.begin(), made.end(),
                   [](const auto& a, const auto& b) { return a.ranks.size() < b.ranks.size(); });
  return divergence;
}

std::optional<Divergence> first_difference(const FlightRecords& records) {
  std::optional<Divergence> first;
  for (const GroupKey& key : groups_of(records)) {
    for (const int64_t number : numbers_of(records, key)) {
      Divergence here = compare_call(records, key, number);
      if (here.made.size() < 2) continue;
      if (!first || here.made[0].call.begun < first->made[0].call.begun) first = std::move(here);
      break;
    }
  }
  return first;
}

}  // namespace sy::flight
