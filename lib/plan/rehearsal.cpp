// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/rehearsal.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "lib/dist/mesh_groups.h"

namespace sy {
namespace {

constexpr size_t kGroups = std::size(kMeshGroups) + 1;  // and the world

const char* group_name(size_t group) {
  return group < std::size(kMeshGroups) ? kMeshGroups[group] : "world";
}

class Rehearsal {
 public:
  Rehearsal(const CallLedger& ledger, const MeshShape& shape) : ledger_(ledger) {
    next_.resize(static_cast<size_t>(shape.ranks), 0);
    for (size_t kind = 0; kind < kGroups; ++kind) find_groups(kind, shape);
  }

  std::string play() {
    std::vector<int> ready;
    for (int rank = ledger_.ranks() - 1; rank >= 0; --rank) ready.push_back(rank);
    while (!ready.empty()) {
      const int rank = ready.back();
      ready.pop_back();
      if (has_ended(rank)) continue;
      Group& group = group_of(rank);
      if (++group.arrived < std::ssize(group.ranks)) continue;
      if (std::string fault = compare(group); !fault.empty()) return fault;
      group.arrived = 0;
      for (const int member : group.ranks) {
        ++next_[static_cast<size_t>(member)];
        ready.push_back(member);
      }
    }
    return find_waiting();
  }

 private:
  struct Group {
    std::vector<int> ranks;
    std::ptrdiff_t arrived = 0;
  };

  void find_groups(size_t kind, const MeshShape& shape) {
    numbers_[kind].resize(next_.size(), -1);
    for (int rank = 0; rank < shape.ranks; ++rank) {
      if (numbers_[kind][static_cast<size_t>(rank)] >= 0) continue;
      Group group{group_ranks(group_name(kind), {shape, rank})};
      for (const int member : group.ranks) {
        numbers_[kind][static_cast<size_t>(member)] = static_cast<int>(std::ssize(groups_));
      }
      groups_.push_back(std::move(group));
    }
  }

  bool has_ended(int rank) const {
    return next_[static_cast<size_t>(rank)] == ledger_.calls(rank).size();
  }
  const LedgerCall& call_of(int rank) const {
    return ledger_.calls(rank)[next_[static_cast<size_t>(rank)]];
  }
  Group& group_of(int rank) {
    const auto kind = static_cast<size_t>(call_of(rank).group);
    return groups_[static_cast<size_t>(numbers_[kind][static_cast<size_t>(rank)])];
  }
  std::string say(int rank) const {
    return has_ended(rank)
               ? fmt::format("rank {} has ended after {} calls", rank, ledger_.calls(rank).size())
               : fmt::format("rank {} is in its call {}, {}", rank,
                             next_[static_cast<size_t>(rank)] + 1, ledger_.describe(call_of(rank)));
  }

  // Every member has arrived in a call of this group.
  std::string compare(const Group& group) {
    const int first = group.ranks.front();
    for (const int rank : group.ranks) {
      if (call_of(rank).agreed == call_of(first).agreed) continue;
      return fmt::format("calls differ: {}, while {}", say(first), say(rank));
    }
    return compare_rows(group);
  }

  // Every pair of members, unless the same rows of all of them were compared before.
  std::string compare_rows(const Group& group) {
    std::vector<int> numbers;
    for (const int rank : group.ranks) numbers.push_back(call_of(rank).rows);
    const int first = numbers.front();
    const bool alike = std::ranges::all_of(numbers, [&](int number) { return number == first; });
    if (alike && (first < 0 || ledger_.rows(call_of(group.ranks.front())).even)) return "";
    if (!compared_.insert(numbers).second) return "";
    for (size_t from = 0; from < group.ranks.size(); ++from) {
      for (size_t to = 0; to < group.ranks.size(); ++to) {
        if (std::string fault = compare_pair(group, from, to); !fault.empty()) return fault;
      }
    }
    return "";
  }

  std::string compare_pair(const Group& group, size_t from, size_t to) {
    const int sender = group.ranks[from], receiver = group.ranks[to];
    const LedgerRows& sent = ledger_.rows(call_of(sender));
    const LedgerRows& expected = ledger_.rows(call_of(receiver));
    if (sent.each != expected.each) {
      return fmt::format(
          "rows differ: rank {} sends {} blocks to each rank and rank {} expects {}; {}", sender,
          sent.each, receiver, expected.each, say(receiver));
    }
    const auto blocks = static_cast<size_t>(sent.each);
    for (size_t block = 0; block < blocks; ++block) {
      const int64_t rows = sent.sends[to * blocks + block];
      const int64_t room = expected.receives[from * blocks + block];
      if (rows == room) continue;
      return fmt::format(
          "rows differ: rank {} sends {} in block {} to rank {}, which expects {}; {}", sender,
          rows, block, receiver, room, say(receiver));
    }
    return "";
  }

  // No rank can go on: "" if all have ended.
  std::string find_waiting() {
    for (int rank = 0; rank < ledger_.ranks(); ++rank) {
      if (has_ended(rank)) continue;
      const auto kind = call_of(rank).group;
      for (const int other : group_of(rank).ranks) {
        if (!has_ended(other) && call_of(other).group == kind) continue;
        return fmt::format("a deadlock: {}, and waits for others; {}", say(rank), say(other));
      }
    }
    return "";
  }

  const CallLedger& ledger_;
  std::vector<size_t> next_;                       // call of each rank
  std::array<std::vector<int>, kGroups> numbers_;  // of each rank's group of each kind
  std::vector<Group> groups_;
  std::set<std::vector<int>> compared_;
};

}  // namespace

std::string find_call_fault(const CallLedger& ledger, const MeshShape& shape) {
  return Rehearsal(ledger, shape).play();
}

}  // namespace sy
