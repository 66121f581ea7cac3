// SPDX-License-Identifier: Apache-2.0
// The types of a configuration's values (run_config.h): those that may be `auto`, and those that
// are one of a few words (names.h).
#pragma once

#include <cstdint>
#include <vector>

namespace sy {

// An integer, or the word `auto`.
struct AutoInt {
  bool is_auto = true;
  int64_t value = 0;
  bool operator==(const AutoInt&) const = default;
};

// A number, or the word `auto`.
struct AutoNumber {
  bool is_auto = true;
  double value = 0;
  bool operator==(const AutoNumber&) const = default;
};

// A list of integers, or the word `auto`.
struct AutoInts {
  bool is_auto = true;
  std::vector<int64_t> values;
  bool operator==(const AutoInts&) const = default;
};

enum class AutoBool : uint8_t { automatic, on, off };
enum class BackendChoice : uint8_t { automatic, cpu, cuda };
enum class Precision : uint8_t { float32, bfloat16 };
enum class RouterPrecision : uint8_t {
  float32,
  bfloat16,
  mesh_tensorflow_bfloat16,
  bfloat16_weight,
  bfloat16_places
};
enum class Activation : uint8_t { relu, gelu, geglu };
enum class DropoutBroadcast : uint8_t { none, length };
enum class ExpertValues : uint8_t { truncated_normal, normal };
enum class CapacityMode : uint8_t { factor, fixed, dropless };
enum class Convention : uint8_t { paper, hugging_face };
enum class DataFormat : uint8_t { text, ids };
enum class Routing : uint8_t { learned, hash, no_token_left_behind, expert_choice };
enum class AttentionForm : uint8_t { ffn, linear };
enum class SecondPolicy : uint8_t { random, all, none, threshold };
enum class Exploration : uint8_t { jitter, argmax, sample, input_dropout, noise };
enum class EvalExploration : uint8_t { argmax, sample };
enum class Separator : uint8_t { none, eos };
enum class BadRecordPolicy : uint8_t { skip, fail };
enum class OptimizerName : uint8_t { adafactor, adamw };
enum class ScheduleName : uint8_t { rsqrt, constant, linear, cosine };
enum class RmsOver : uint8_t { expert, tensor };
enum class NonFinitePolicy : uint8_t { stop, skip };
enum class SpikePolicy : uint8_t { accept, skip, rewind };
enum class Recompute : uint8_t { none, experts, blocks };
enum class StepCount : uint8_t { restart, resume };
enum class StudentStart : uint8_t { shared, random };

}  // namespace sy
