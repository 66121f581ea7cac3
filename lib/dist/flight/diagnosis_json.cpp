// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/diagnosis_json.h"

namespace sy::flight {
namespace {

Json layer_json(const RecordedCall& call) {
  const std::string layer = layer_of(call.label);
  return layer.empty() ? Json(nullptr) : Json(layer);
}

Json divergence_json(const Divergence& divergence) {
  Json all = Json::array();
  for (const Divergence::Made& made : divergence.made) {
    all.push_back({{"ranks", made.ranks},
                   {"collective", made.call.collective},
                   {"label", made.call.label},
                   {"dtype", made.call.dtype},
                   {"count", made.call.count}});
  }
  Json object{{"group", label_of(divergence.group)},
              {"ranks", divergence.group.ranks},
              {"call", divergence.number},
              {"step", nullptr},
              {"layer", nullptr}};
  if (!divergence.made.empty()) {
    object["step"] = divergence.made[0].call.step;
    object["layer"] = layer_json(divergence.made[0].call);
  }
  object["made"] = std::move(all);
  object["absent"] = divergence.absent;
  return object;
}

Json waiting_json(const Waiting& waiting, double until) {
  return {{"collective", waiting.call.collective},
          {"label", waiting.call.label},
          {"layer", layer_json(waiting.call)},
          {"group", label_of(waiting.group)},
          {"call", waiting.call.number},
          {"step", waiting.call.step},
          {"seconds", until - waiting.call.waited},
          {"for_ranks", waiting.for_ranks}};
}

Json state_json(int64_t number, const RecordedRank& rank, const std::optional<Waiting>& waiting) {
  const bool is_known = rank.place.pid != 0;
  Json state{{"rank", number},
             {"host", is_known ? Json(rank.place.host) : Json(nullptr)},
             {"pid", is_known ? Json(rank.place.pid) : Json(nullptr)},
             {"record", rank.record.has_value()}};
  if (!rank.record) return state;
  state["reason"] = rank.record->reason;
  state["message"] = rank.record->message;
  state["step"] = rank.record->step;
  state["paused_seconds"] = rank.record->paused;
  state["waiting"] = waiting ? waiting_json(*waiting, rank.record->time) : Json(nullptr);
  return state;
}

Json later_json(const std::vector<Start>& later) {
  Json all = Json::array();
  for (const Start& start : later) {
    all.push_back({{"start", start.name}, {"ended_as_it_should", start.folder.empty()}});
  }
  return all;
}

}  // namespace

Json diagnosis_json(const FlightRecords& records, const Diagnosis& diagnosis) {
  Json states = Json::array();
  for (size_t rank = 0; rank < records.ranks.size(); ++rank) {
    states.push_back(
        state_json(static_cast<int64_t>(rank), records.ranks[rank], diagnosis.waiting[rank]));
  }
  return {
      {"folder", records.folder},
      {"cause", name_of(diagnosis.cause)},
      {"ranks", diagnosis.ranks},
      {"verdict", diagnosis.verdict},
      {"divergence", diagnosis.divergence ? divergence_json(*diagnosis.divergence) : Json(nullptr)},
      {"states", std::move(states)},
      {"faults", records.faults},
      {"start", records.start.name},
      {"later_starts", later_json(records.later)}};
}

}  // namespace sy::flight
