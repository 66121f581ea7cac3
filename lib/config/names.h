// SPDX-License-Identifier: Apache-2.0
// The words that stand for the values of each enumeration of value_types.h, in the order of the
// values. The argument only selects the enumeration.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "lib/config/run_config.h"

namespace sy {

using Words = std::span<const std::string_view>;

namespace detail {
template <size_t N>
using WordTable = std::array<std::string_view, N>;

inline constexpr WordTable<3> kAutoBools = {"auto", "true", "false"};
inline constexpr WordTable<3> kBackends = {"auto", "cpu", "cuda"};
inline constexpr WordTable<2> kPrecisions = {"float32", "bfloat16"};
inline constexpr WordTable<5> kRouterPrecisions = {
    "float32", "bfloat16", "mesh_tensorflow_bfloat16", "bfloat16_weight", "bfloat16_places"};
inline constexpr WordTable<3> kActivations = {"relu", "gelu", "geglu"};
inline constexpr WordTable<2> kDropoutBroadcasts = {"none", "length"};
inline constexpr WordTable<2> kExpertValues = {"truncated_normal", "normal"};
inline constexpr WordTable<3> kCapacityModes = {"factor", "fixed", "dropless"};
inline constexpr WordTable<2> kConventions = {"paper", "hugging_face"};
inline constexpr WordTable<4> kObjectives = {"span_corruption", "prefix_lm", "next_token", "ul2"};
inline constexpr WordTable<4> kDenoiserKinds = {"span", "prefix", "random_prefix", "next_token"};
inline constexpr WordTable<2> kDataFormats = {"text", "ids"};
inline constexpr WordTable<2> kAttentionForms = {"ffn", "linear"};
inline constexpr WordTable<4> kRoutings = {"learned", "hash", "no_token_left_behind",
                                           "expert_choice"};
inline constexpr WordTable<4> kSecondPolicies = {"random", "all", "none", "threshold"};
inline constexpr WordTable<5> kExplorations = {"jitter", "argmax", "sample", "input_dropout",
                                               "noise"};
inline constexpr WordTable<2> kEvalExplorations = {"argmax", "sample"};
inline constexpr WordTable<2> kSeparators = {"none", "eos"};
inline constexpr WordTable<2> kBadRecordPolicies = {"skip", "fail"};
inline constexpr WordTable<2> kOptimizers = {"adafactor", "adamw"};
inline constexpr WordTable<4> kSchedules = {"rsqrt", "constant", "linear", "cosine"};
inline constexpr WordTable<2> kRmsOver = {"expert", "tensor"};
inline constexpr WordTable<2> kNonFinitePolicies = {"stop", "skip"};
inline constexpr WordTable<3> kSpikePolicies = {"accept", "skip", "rewind"};
inline constexpr WordTable<3> kRecomputes = {"none", "experts", "blocks"};
inline constexpr WordTable<2> kStepCounts = {"restart", "resume"};
inline constexpr WordTable<2> kStudentStarts = {"shared", "random"};
}  // namespace detail

inline Words words(AutoBool) {
  return detail::kAutoBools;
}
inline Words words(BackendChoice) {
  return detail::kBackends;
}
inline Words words(Precision) {
  return detail::kPrecisions;
}
inline Words words(RouterPrecision) {
  return detail::kRouterPrecisions;
}
inline Words words(Activation) {
  return detail::kActivations;
}
inline Words words(DropoutBroadcast) {
  return detail::kDropoutBroadcasts;
}
inline Words words(ExpertValues) {
  return detail::kExpertValues;
}
inline Words words(CapacityMode) {
  return detail::kCapacityModes;
}
inline Words words(Convention) {
  return detail::kConventions;
}
inline Words words(Objective) {
  return detail::kObjectives;
}
inline Words words(DenoiserKind) {
  return detail::kDenoiserKinds;
}
inline Words words(DataFormat) {
  return detail::kDataFormats;
}
inline Words words(AttentionForm) {
  return detail::kAttentionForms;
}
inline Words words(Routing) {
  return detail::kRoutings;
}
inline Words words(SecondPolicy) {
  return detail::kSecondPolicies;
}
inline Words words(Exploration) {
  return detail::kExplorations;
}
inline Words words(EvalExploration) {
  return detail::kEvalExplorations;
}
inline Words words(Separator) {
  return detail::kSeparators;
}
inline Words words(BadRecordPolicy) {
  return detail::kBadRecordPolicies;
}
inline Words words(OptimizerName) {
  return detail::kOptimizers;
}
inline Words words(ScheduleName) {
  return detail::kSchedules;
}
inline Words words(RmsOver) {
  return detail::kRmsOver;
}
inline Words words(NonFinitePolicy) {
  return detail::kNonFinitePolicies;
}
inline Words words(SpikePolicy) {
  return detail::kSpikePolicies;
}
inline Words words(Recompute) {
  return detail::kRecomputes;
}
inline Words words(StepCount) {
  return detail::kStepCounts;
}
inline Words words(StudentStart) {
  return detail::kStudentStarts;
}

// The word of a value: name_of(Activation::relu) is "relu".
template <class Enum>
std::string_view name_of(Enum value) {
  return words(value)[static_cast<size_t>(value)];
}

}  // namespace sy
