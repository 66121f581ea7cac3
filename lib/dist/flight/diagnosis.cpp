// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/diagnosis.h"

#include <algorithm>
#include <array>
#include <set>

#include "lib/dist/flight/verdict.h"

namespace sy::flight {
namespace {

// Whether the rank keeps nobody waiting in this call: it has ended it, waits in it too, or has made
// so many since that it has forgotten it.
bool has_come(const RecordedRank& rank, const GroupKey& group, const RecordedCall& call) {
  const RecordedCall* own = find_call(rank, group, call.number);
  if (own == nullptr) return has_forgotten(rank, group, call.number);
  return are_alike(*own, call) && (own->ended > 0 || own->waited > 0);
}

// Thousands of ranks wait in a few calls, so whom a call waits for is found once.
class Waits {
 public:
  explicit Waits(const FlightRecords& records) : records_(records) {}

  std::optional<Waiting> of(const RankRecord& record) {
    const GroupKey* group = nullptr;
    const RecordedCall* call = waited_call(record, group);
    if (call == nullptr) return {};
    return Waiting{.group = *group, .call = *call, .for_ranks = ranks_missing(*group, *call)};
  }

 private:
  const std::vector<int>& ranks_missing(const GroupKey& group, const RecordedCall& call) {
    for (const Waiting& known : known_) {
      const bool same = known.call.number == call.number && are_alike(known.call, call);
      if (same && known.group == group) return known.for_ranks;
    }
    Waiting& fresh = known_.emplace_back(Waiting{.group = group, .call = call, .for_ranks = {}});
    for (const int rank : group.ranks) {
      if (!has_come(records_.ranks.at(static_cast<size_t>(rank)), group, call)) {
        fresh.for_ranks.push_back(rank);
      }
    }
    return fresh.for_ranks;
  }

  const FlightRecords& records_;
  std::vector<Waiting> known_;
};

class Search {
 public:
  explicit Search(const FlightRecords& records) : records_(records) {
    Waits waits(records);
    for (const RecordedRank& rank : records.ranks) {
      found_.waiting.push_back(rank.record ? waits.of(*rank.record) : std::nullopt);
    }
  }

  Diagnosis run() {
    constexpr bool (Search::*kLooks[])() = {
        &Search::failed,    &Search::missing, &Search::paused,        &Search::other_calls,
        &Search::elsewhere, &Search::circle,  &Search::failed_inside, &Search::stuck};
    std::any_of(std::begin(kLooks), std::end(kLooks), [&](auto look) { return (this->*look)(); });
    if (!found_.divergence) found_.divergence = first_absence();
    found_.verdict = verdict(records_, found_);
    return std::move(found_);
  }

 private:
  template <class Holds>
  bool take(Cause cause, Holds&& holds) {
    for (size_t rank = 0; rank < records_.ranks.size(); ++rank) {
      if (holds(records_.ranks[rank], found_.waiting[rank])) {
        found_.ranks.push_back(static_cast<int>(rank));
      }
    }
    if (!found_.ranks.empty()) found_.cause = cause;
    return !found_.ranks.empty();
  }

  static bool has_failed(const RecordedRank& rank) {
    return rank.record && (rank.record->reason == "failure" || rank.record->reason == "signal");
  }

  bool failed() {
    return take(Cause::failed, [](const RecordedRank& rank, const auto& waiting) {
      return has_failed(rank) && (!waiting || rank.record->reason == "signal");
    });
  }

  // A rank whose record cannot be read has lived to write it, so it comes after those without.
  bool missing() {
    const auto no_file = [](const RecordedRank& rank, const auto&) {
      return !rank.record && !rank.is_unreadable;
    };
    const auto no_record = [](const RecordedRank& rank, const auto&) { return !rank.record; };
    return take(Cause::missing, no_file) || take(Cause::missing, no_record);
  }

  // A pause that ended before a wait began has delayed nobody.
  bool paused() {
    return take(Cause::paused, [&](const RecordedRank& rank, const auto&) {
      const double until = rank.record->paused_until;
      return until > 0 &&
             std::any_of(found_.waiting.begin(), found_.waiting.end(),
                         [&](const auto& of) { return of && of->call.waited < until; });
    });
  }

  bool other_calls() {
    found_.divergence = first_difference(records_);
    if (!found_.divergence) return false;
    found_.cause = Cause::other_calls;
    found_.ranks = found_.divergence->made.front().ranks;
    return true;
  }

  // Those that are waited for and wait for nobody.
  bool elsewhere() {
    std::set<int> waited_for;
    for (const auto& waiting : found_.waiting) {
      if (waiting) waited_for.insert(waiting->for_ranks.begin(), waiting->for_ranks.end());
    }
    std::erase_if(waited_for,
                  [&](int rank) { return found_.waiting[static_cast<size_t>(rank)].has_value(); });
    found_.ranks.assign(waited_for.begin(), waited_for.end());
    if (!found_.ranks.empty()) found_.cause = Cause::elsewhere;
    return !found_.ranks.empty();
  }

  bool circle() {
    return take(Cause::circle, [](const RecordedRank&, const auto& waiting) {
      return waiting && !waiting->for_ranks.empty();
    });
  }

  bool failed_inside() {
    return take(Cause::failed_inside,
                [](const RecordedRank& rank, const auto&) { return has_failed(rank); });
  }

  bool stuck() {
    return take(Cause::stuck,
                [](const RecordedRank&, const auto& waiting) { return waiting.has_value(); });
  }

  // The call in which a rank at fault is waited for, the one that was waited in first.
  std::optional<Divergence> first_absence() const {
    const Waiting* first = nullptr;
    for (const auto& waiting : found_.waiting) {
      if (!waiting || (first != nullptr && first->call.waited <= waiting->call.waited)) continue;
      const bool for_them = std::any_of(found_.ranks.begin(), found_.ranks.end(), [&](int rank) {
        return std::count(waiting->for_ranks.begin(), waiting->for_ranks.end(), rank) > 0;
      });
      if (for_them) first = &*waiting;
    }
    if (first == nullptr) return {};
    return compare_call(records_, first->group, first->call.number);
  }

  const FlightRecords& records_;
  Diagnosis found_;
};

// The latest call by `time` among those that `counts`.
template <class Counts, class Time>
const RecordedCall* latest(const RankRecord& record, const GroupKey*& group, Counts&& counts,
                           Time&& time) {
  const RecordedCall* found = nullptr;
  for (const auto& [key, of] : record.groups) {
    for (const auto& [number, call] : of.calls) {
      if (!counts(call) || (found != nullptr && time(call) < time(*found))) continue;
      found = &call;
      group = &key;
    }
  }
  return found;
}

}  // namespace

const char* name_of(Cause cause) {
  constexpr std::array kNames = {"failed", "missing",       "paused", "other_calls", "elsewhere",
                                 "circle", "failed_inside", "stuck",  "ended"};
  return kNames.at(static_cast<size_t>(cause));
}

const RecordedCall* waited_call(const RankRecord& record, const GroupKey*& group) {
  return latest(
      record, group, [](const RecordedCall& call) { return call.waited > 0 && call.ended == 0; },
      [](const RecordedCall& call) { return call.waited; });
}

const RecordedCall* last_ended(const RankRecord& record, const GroupKey*& group) {
  return latest(
      record, group, [](const RecordedCall& call) { return call.ended > 0; },
      [](const RecordedCall& call) { return call.ended; });
}

Diagnosis diagnose(const FlightRecords& records) {
  return Search(records).run();
}

}  // namespace sy::flight
