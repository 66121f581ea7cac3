// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace sy::flight {
namespace {

constexpr size_t kMostNamed = 8;

std::string place_text(const RankPlace& place) {
  if (place.pid == 0) return "a host that is not known";
  return fmt::format("{}, pid {}", place.host, place.pid);
}

// "rank 3 (node2, pid 4711)", or of several "ranks 3-5 (3 on node2, pid 4711; 4 on ...)".
std::string places_text(const FlightRecords& records, const std::vector<int>& ranks) {
  const auto place = [&](int rank) { return records.ranks.at(static_cast<size_t>(rank)).place; };
  if (ranks.size() == 1) return fmt::format("rank {} ({})", ranks[0], place_text(place(ranks[0])));
  std::string text;
  for (size_t i = 0; i < std::min(ranks.size(), kMostNamed); ++i) {
    text += fmt::format("{}{} on {}", i == 0 ? "" : "; ", ranks[i], place_text(place(ranks[i])));
  }
  return fmt::format("{} ({}{})", ranks_text(ranks), text,
                     ranks.size() > kMostNamed ? "; ..." : "");
}

bool is_plural(const std::vector<int>& ranks) {
  return ranks.size() > 1;
}

// "; rank 0 waited in CALL at step 81; ranks 2-3 ...": those that are not at fault themselves.
std::string waiters_text(const FlightRecords& records, const Diagnosis& diagnosis) {
  constexpr size_t kMostCalls = 3;
  std::map<std::string, std::vector<int>> by_call;
  for (size_t rank = 0; rank < records.ranks.size(); ++rank) {
    const auto& waiting = diagnosis.waiting[rank];
    if (!waiting || std::count(diagnosis.ranks.begin(), diagnosis.ranks.end(), rank) > 0) continue;
    by_call[fmt::format("{} at step {}", text_of(waiting->call, waiting->group),
                        waiting->call.step)]
        .push_back(static_cast<int>(rank));
  }
  std::vector<std::pair<std::string, std::vector<int>>> calls(by_call.begin(), by_call.end());
  std::stable_sort(calls.begin(), calls.end(),
                   [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
  std::string text;
  for (size_t i = 0; i < std::min(calls.size(), kMostCalls); ++i) {
    text += fmt::format("; {} waited in {}", ranks_text(calls[i].second), calls[i].first);
  }
  return calls.size() > kMostCalls ? text + "; others in other calls" : text;
}

const RankRecord& first_record(const FlightRecords& records, const Diagnosis& diagnosis) {
  return *records.ranks.at(static_cast<size_t>(diagnosis.ranks.front())).record;
}

std::string failed_text(const FlightRecords& records, const Diagnosis& diagnosis) {
  const auto record = [&](int rank) -> const RankRecord& {
    return *records.ranks[static_cast<size_t>(rank)].record;
  };
  const int first =
      *std::min_element(diagnosis.ranks.begin(), diagnosis.ranks.end(),
                        [&](int a, int b) { return record(a).time < record(b).time; });
  const RankRecord& of = record(first);
  const bool all = diagnosis.ranks.size() == records.ranks.size() && is_plural(diagnosis.ranks) &&
                   std::all_of(diagnosis.ranks.begin(), diagnosis.ranks.end(),
                               [&](int rank) { return record(rank).message == of.message; });
  return fmt::format("{} {} at step {}: {}", all ? "every rank" : places_text(records, {first}),
                     of.reason == "signal" ? "crashed" : "failed", of.step, of.message);
}

std::string missing_text(const FlightRecords& records, const Diagnosis& diagnosis) {
  const bool several = is_plural(diagnosis.ranks);
  if (records.ranks.at(static_cast<size_t>(diagnosis.ranks.front())).is_unreadable) {
    return fmt::format("{} {} no record that can be read, so what happened there is not known",
                       places_text(records, diagnosis.ranks), several ? "have" : "has");
  }
  return fmt::format("{} {} no record: {}", places_text(records, diagnosis.ranks),
                     several ? "have" : "has",
                     several ? "they were killed, are stopped, or their hosts are gone"
                             : "it was killed, is stopped, or its host is gone");
}

std::string paused_text(const FlightRecords& records, const Diagnosis& diagnosis) {
  const bool several = is_plural(diagnosis.ranks);
  return fmt::format("{} did not run for {:.1f} s: {}", places_text(records, diagnosis.ranks),
                     first_record(records, diagnosis).paused,
                     several ? "they were stopped, or their hosts stood still"
                             : "it was stopped, or its host stood still");
}

std::string made_text(const Divergence::Made& made) {
  const RecordedCall& call = made.call;
  const std::string shape = call.count == 0 ? "" : fmt::format(" of {} {}", call.count, call.dtype);
  return fmt::format("{} \"{}\"{}", call.collective, call.label, shape);
}

std::string other_calls_text(const FlightRecords& records, const Diagnosis& diagnosis) {
  const Divergence& of = *diagnosis.divergence;
  std::string text = fmt::format(
      "the ranks of group {} make different calls from call {} on: {} "
      "made {}",
      label_of(of.group), of.number, places_text(records, of.made[0].ranks), made_text(of.made[0]));
  for (size_t i = 1; i < of.made.size(); ++i) {
    text += fmt::format(", {} made {}", ranks_text(of.made[i].ranks), made_text(of.made[i]));
  }
  return text + fmt::format(", at step {}", of.made[0].call.step);
}

// " for 3.4 s, since CALL"; "" if no call is known.
std::string since_text(const RankRecord& record) {
  const GroupKey* group = nullptr;
  const RecordedCall* last = last_ended(record, group);
  if (last == nullptr) return "";
  return fmt::format(" for {:.1f} s, since {}", record.time - last->ended, text_of(*last, *group));
}

std::string elsewhere_text(const FlightRecords& records, const Diagnosis& diagnosis) {
  const RankRecord& record = first_record(records, diagnosis);
  const bool several = is_plural(diagnosis.ranks);
  std::string doing = several ? "they compute, wait for data or a disk, or are stuck"
                              : "it computes, waits for data or a disk, or is stuck";
  // Its own watchdog has seen it wait for a file system.
  if (!several && record.reason == "hang") doing = record.message;
  return fmt::format("{} {} in no collective{}, at step {}: {}",
                     places_text(records, diagnosis.ranks), several ? "are" : "is",
                     since_text(record), record.step, doing);
}

std::string circle_text(const Diagnosis& diagnosis) {
  std::string text;
  for (size_t i = 0; i < std::min(diagnosis.ranks.size(), kMostNamed); ++i) {
    const int rank = diagnosis.ranks[i];
    const Waiting& waiting = *diagnosis.waiting[static_cast<size_t>(rank)];
    text += fmt::format("{}rank {} in {} for {}", i == 0 ? "" : "; ", rank,
                        text_of(waiting.call, waiting.group), ranks_text(waiting.for_ranks));
  }
  return fmt::format("ranks wait for each other, in different groups: {}", text);
}

std::string stuck_text(const Diagnosis& diagnosis) {
  const Waiting& waiting = *diagnosis.waiting[static_cast<size_t>(diagnosis.ranks.front())];
  return fmt::format(
      "{} waited in {} at step {}, and every rank has come to it: a message was lost, or the "
      "network or its library is stuck",
      ranks_text(diagnosis.ranks), text_of(waiting.call, waiting.group), waiting.call.step);
}

}  // namespace

std::string layer_of(std::string_view label) {
  const size_t at = label.find("/layers/");
  if (at == std::string_view::npos) return "";
  const size_t end = label.find_first_not_of("0123456789", at + 8);
  return std::string(label.substr(0, end));
}

std::string label_of(const GroupKey& group) {
  return group.before == 0 ? group.name : fmt::format("{} #{}", group.name, group.before + 1);
}

std::string text_of(const RecordedCall& call, const GroupKey& group) {
  return fmt::format("{} \"{}\" (call {} of group {})", call.collective, call.label, call.number,
                     label_of(group));
}

std::string ranks_text(const std::vector<int>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  size_t stretches = 0;
  for (size_t i = 0; i < ranks.size();) {
    size_t last = i;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) ++last;
    if (++stretches > kMostNamed) return text + ", ...";
    text += fmt::format("{}{}", i == 0 ? "" : ", ", ranks[i]);
    if (last > i) text += fmt::format("{}{}", last == i + 1 ? ", " : "-", ranks[last]);
    i = last + 1;
  }
  return text;
}

std::string state_text(const FlightRecords& records, const Diagnosis& diagnosis, int rank) {
  const auto& [place, record, is_unreadable] = records.ranks.at(static_cast<size_t>(rank));
  if (!record) return is_unreadable ? "no record that can be read" : "no record";
  std::string text;
  if (record->reason == "failure" || record->reason == "signal") {
    text = fmt::format("failed: {}; ", record->message);
  }
  if (const auto& waiting = diagnosis.waiting[static_cast<size_t>(rank)]) {
    text += "waited in " + text_of(waiting->call, waiting->group);
    if (!waiting->for_ranks.empty()) text += " for " + ranks_text(waiting->for_ranks);
  } else {
    text += "in no collective" + since_text(*record);
  }
  if (record->paused > 0) text += fmt::format("; did not run for {:.1f} s before", record->paused);
  return text;
}

std::string verdict(const FlightRecords& records, const Diagnosis& diagnosis) {
  const std::string waiters = waiters_text(records, diagnosis);
  switch (diagnosis.cause) {
    case Cause::failed:
    case Cause::failed_inside:
      return failed_text(records, diagnosis) + waiters;
    case Cause::missing:
      return missing_text(records, diagnosis) + waiters;
    case Cause::paused:
      return paused_text(records, diagnosis) + waiters;
    case Cause::other_calls:
      return other_calls_text(records, diagnosis);
    case Cause::elsewhere:
      return elsewhere_text(records, diagnosis) + waiters;
    case Cause::circle:
      return circle_text(diagnosis);
    case Cause::stuck:
      return stuck_text(diagnosis) + waiters;
    case Cause::ended:
      break;
  }
  return "no rank failed or hung: all were told to end by SIGTERM, and were killed before they had "
         "saved";
}

}  // namespace sy::flight
