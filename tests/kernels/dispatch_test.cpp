// SPDX-License-Identifier: Apache-2.0
#include "kernels/dispatch/dispatch.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "lib/base/random.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

using Ints = std::vector<int32_t>;

struct Assigned {
  Ints slot, token, counts;
};

Owned ints(const Ints& values) {
  return int_tensor({static_cast<int64_t>(values.size())}, values);
}

// [T, k].
Owned choices(const Ints& values, int64_t k = 1) {
  return int_tensor({static_cast<int64_t>(values.size()) / k, k}, values);
}

// Outputs start as 99, so that unwritten elements show.
Assigned assign(const Ints& expert, int64_t experts, int64_t groups, int64_t capacity,
                int threads = 2, int64_t k = 1) {
  auto exec = make_exec(threads);
  Owned slot = choices(Ints(expert.size(), 99), k);
  Owned token = ints(Ints(static_cast<size_t>(experts * groups * capacity), 99));
  Owned counts = ints(Ints(static_cast<size_t>(experts + 1), 99));
  assign_slots(*exec, slot, token, counts, choices(expert, k), groups, capacity);
  return {ints_of(slot), ints_of(token), ints_of(counts)};
}

Assigned assign_dropless(const Ints& expert, int64_t experts, int64_t k = 1) {
  auto exec = make_exec();
  Owned slot = choices(Ints(expert.size(), 99), k), token = ints(Ints(expert.size(), 99));
  Owned counts = ints(Ints(static_cast<size_t>(experts + 1), 99));
  assign_slots_dropless(*exec, slot, token, counts, choices(expert, k));
  return {ints_of(slot), ints_of(token), ints_of(counts)};
}

// The definition, one choice at a time: its position is the number of the group's earlier choices
// of the same expert, where all first choices precede the second ones.
Assigned assign_slowly(const Ints& expert, int64_t experts, int64_t groups, int64_t capacity,
                       int64_t k = 1) {
  Assigned out{Ints(expert.size(), -1), Ints(static_cast<size_t>(experts * groups * capacity), -1),
               Ints(static_cast<size_t>(experts + 1), 0)};
  const int64_t size = std::ssize(expert) / k / groups;
  for (int64_t group = 0; group < groups; ++group) {
    Ints before;
    for (int64_t i = 0; i < size * k; ++i) {
      const int64_t t = group * size + i % size;
      const auto choice = static_cast<size_t>(t * k + i / size);
      const int32_t e = expert[choice];
      if (e < 0) continue;
      ++out.counts[static_cast<size_t>(e)];
      const int64_t place = std::count(before.begin(), before.end(), e);
      before.push_back(e);
      if (place >= capacity) {
        ++out.counts.back();
        continue;
      }
      const int64_t s = (e * groups + group) * capacity + place;
      out.slot[choice] = static_cast<int32_t>(s);
      out.token[static_cast<size_t>(s)] = static_cast<int32_t>(t);
    }
  }
  return out;
}

Ints random_experts(int64_t tokens, int64_t experts, uint64_t seed) {
  Ints expert;
  for (int64_t t = 0; t < tokens; ++t) {  // one in (experts + 1) is padding
    const auto draw =
        random_below({seed, 0, 0}, static_cast<uint64_t>(t), static_cast<uint32_t>(experts + 1));
    expert.push_back(static_cast<int32_t>(draw) - 1);
  }
  return expert;
}

// k distinct experts per token; some are missing, as for padding.
Ints random_choices(int64_t tokens, int64_t experts, int64_t k, uint64_t seed) {
  const Ints first = random_experts(tokens, experts, seed);
  Ints all;
  for (int64_t i = 0; i < tokens * k; ++i) {
    const int32_t e = first[static_cast<size_t>(i / k)];
    const bool none = e < 0 || (i % k > 0 && i % 7 == 0);
    all.push_back(none ? -1 : static_cast<int32_t>((e + i % k) % experts));
  }
  return all;
}

TEST_CASE("dispatch: slots by hand: overflow, padding, an empty expert", "[dispatch]") {
  // Two groups of four tokens, three experts, capacity 2; expert 2 gets none in group 0.
  const Assigned a = assign({1, 1, -1, 1, /**/ 0, 2, 2, 1}, 3, 2, 2);
  // Slots: expert 0 group 0: 0 1, group 1: 2 3; expert 1: 4 5, 6 7; expert 2: 8 9, 10 11.
  CHECK(a.slot == Ints{4, 5, -1, -1, /**/ 2, 10, 11, 6});
  CHECK(a.token == Ints{-1, -1, 4, -1, 0, 1, 7, -1, -1, -1, 5, 6});
  CHECK(a.counts == Ints{1, 4, 2, 1});
}

TEST_CASE("dispatch: all tokens to one expert", "[dispatch]") {
  const Assigned a = assign({2, 2, 2, 2, 2}, 4, 1, 3);
  CHECK(a.slot == Ints{6, 7, 8, -1, -1});
  CHECK(a.token == Ints{-1, -1, -1, -1, -1, -1, 0, 1, 2, -1, -1, -1});
  CHECK(a.counts == Ints{0, 0, 5, 0, 2});
}

TEST_CASE("dispatch: a group smaller than the number of experts", "[dispatch]") {
  const Assigned a = assign({4, 0, /**/ 4, 4}, 5, 2, 1);
  CHECK(a.slot == Ints{8, 0, /**/ 9, -1});
  CHECK(a.token == Ints{1, -1, -1, -1, -1, -1, -1, -1, 0, 2});
  CHECK(a.counts == Ints{1, 0, 0, 0, 3, 1});
}

TEST_CASE("dispatch: no tokens, no places, nothing but padding", "[dispatch]") {
  const Assigned none = assign({}, 2, 1, 2);
  CHECK(none.token == Ints{-1, -1, -1, -1});
  CHECK(none.counts == Ints{0, 0, 0});
  const Assigned no_places = assign({0, 1, 1}, 2, 1, 0);
  CHECK(no_places.slot == Ints{-1, -1, -1});
  CHECK(no_places.counts == Ints{1, 2, 3});
  const Assigned padding = assign({-1, -1}, 2, 2, 1);
  CHECK(padding.slot == Ints{-1, -1});
  CHECK(padding.token == Ints{-1, -1, -1, -1});
  CHECK(padding.counts == Ints{0, 0, 0});
  const Assigned dropless = assign_dropless({}, 2);
  CHECK(dropless.counts == Ints{0, 0, 0});
}

TEST_CASE("dispatch: dropless slots by hand", "[dispatch]") {
  const Assigned a = assign_dropless({2, 0, -1, 2, 0, 2}, 4);
  CHECK(a.slot == Ints{2, 0, -1, 3, 1, 4});
  CHECK(a.token == Ints{1, 4, 0, 3, 5, -1});
  CHECK(a.counts == Ints{2, 0, 3, 0, 0});
}

TEST_CASE("dispatch: slots match the definition for any number of threads", "[dispatch]") {
  const auto [tokens, experts, groups, capacity] = GENERATE(
      std::tuple{240, 8, 4, 7}, std::tuple{240, 8, 1, 30}, std::tuple{60, 33, 5, 1},
      std::tuple{7, 3, 7, 1}, std::tuple{300, 2, 3, 100}, std::tuple{1100, 3, 2, 170},
      std::tuple{800, 2048, 2, 1}, std::tuple{1200, 5, 1200, 1}, std::tuple{5000, 1, 1, 4000});
  const uint64_t seed = GENERATE(1, 2, 3);
  const Ints expert = random_experts(tokens, experts, seed);
  const Assigned expected = assign_slowly(expert, experts, groups, capacity);
  for (const int threads : {1, 2, 5}) {
    const Assigned a = assign(expert, experts, groups, capacity, threads);
    CHECK(a.slot == expected.slot);
    CHECK(a.token == expected.token);
    CHECK(a.counts == expected.counts);
  }
  // Dropless equals one group whose experts have exactly the capacity that they need.
  const Assigned dropless = assign_dropless(expert, experts);
  int32_t begin = 0;
  for (int64_t e = 0; e < experts; ++e) {
    for (int32_t t = 0, place = 0; t < tokens; ++t) {
      if (expert[static_cast<size_t>(t)] != e) continue;
      REQUIRE(dropless.slot[static_cast<size_t>(t)] == begin + place);
      REQUIRE(dropless.token[static_cast<size_t>(begin + place)] == t);
      ++place;
    }
    begin += dropless.counts[static_cast<size_t>(e)];
  }
  CHECK(begin == tokens - std::count(expert.begin(), expert.end(), -1));
}

TEST_CASE("dispatch: first choices take their places before second ones", "[dispatch]") {
  // One group of three tokens, three experts, capacity 2.
  const Assigned a = assign({0, 1, /**/ 1, 0, /**/ 0, 1}, 3, 1, 2, 2, 2);
  CHECK(a.slot == Ints{0, 3, /**/ 2, -1, /**/ 1, -1});
  CHECK(a.token == Ints{0, 2, 1, 0, -1, -1});
  CHECK(a.counts == Ints{3, 3, 0, 2});
  const Assigned dropless = assign_dropless({0, 1, /**/ 1, 0, /**/ 0, -1}, 3, 2);
  CHECK(dropless.slot == Ints{0, 4, /**/ 3, 2, /**/ 1, -1});
  CHECK(dropless.token == Ints{0, 2, 1, 1, 0, -1});
  CHECK(dropless.counts == Ints{3, 2, 0, 0});
}

TEST_CASE("dispatch: slots of several choices match the definition", "[dispatch]") {
  const auto [tokens, experts, groups, capacity, k] =
      GENERATE(std::tuple{240, 8, 4, 14, 2}, std::tuple{60, 33, 5, 1, 3}, std::tuple{7, 3, 7, 1, 3},
               std::tuple{600, 5, 1, 150, 2});
  const Ints expert = random_choices(tokens, experts, k, 2);
  const Assigned expected = assign_slowly(expert, experts, groups, capacity, k);
  for (const int threads : {1, 5}) {
    const Assigned a = assign(expert, experts, groups, capacity, threads, k);
    CHECK(a.slot == expected.slot);
    CHECK(a.token == expected.token);
    CHECK(a.counts == expected.counts);
  }
  // Dropless equals one group with room for all choices, without the unused slots.
  const Assigned all = assign_slowly(expert, experts, 1, tokens, k);
  const Assigned dropless = assign_dropless(expert, experts, k);
  Ints token = all.token;
  token.erase(std::remove(token.begin(), token.end(), -1), token.end());
  token.resize(expert.size(), -1);
  CHECK(dropless.token == token);
  CHECK(dropless.counts == all.counts);
  for (size_t i = 0; i < expert.size(); ++i) {
    REQUIRE((dropless.slot[i] < 0) == (expert[i] < 0));
    if (expert[i] < 0) continue;
    const auto s = static_cast<size_t>(dropless.slot[i]);
    REQUIRE(dropless.token[s] == static_cast<int32_t>(i) / k);
  }
}

TEST_CASE("dispatch: a nonexistent expert", "[dispatch]") {
  const int32_t bad = GENERATE(-2, 3);
  if (test_backend() == Backend::cpu) {
    CHECK_THROWS_AS(assign({0, bad}, 3, 1, 2), InternalError);
    CHECK_THROWS_AS(assign_dropless({0, bad}, 3), InternalError);
    return;
  }
  const Assigned fixed = assign({bad, 0}, 3, 1, 2), dropless = assign_dropless({bad, 0}, 3);
  CHECK(fixed.slot == Ints{-1, 0});
  CHECK(fixed.token == Ints{1, -1, -1, -1, -1, -1});
  CHECK(fixed.counts == Ints{1, 0, 0, 1});
  CHECK(dropless.slot == Ints{-1, 0});
  CHECK(dropless.token == Ints{1, -1});
  CHECK(dropless.counts == Ints{1, 0, 0, 1});
}

TEST_CASE("dispatch: scratch taken while planning is enough", "[dispatch]") {
  Exec exec;
  use_test_backend(exec);
  exec.planning = true;
  const auto on = [](Shape shape) { return Tensor(nullptr, DType::i32, shape); };
  assign_slots(exec, on({8, 1}), on({24}), on({4}), on({8, 1}), 4, 2);
  assign_slots_dropless(exec, on({8, 1}), on({8}), on({4}), on({8, 1}));
  exec.planning = false;
  exec.scratch.allocate(exec.scratch.high_water(), exec.memory);
  Owned slot = choices(Ints(8)), token = ints(Ints(24)), counts = ints(Ints(4));
  assign_slots(exec, slot, token, counts, choices({0, 1, 2, 0, 1, 2, 0, 1}), 4, 2);
  CHECK(ints_of(counts) == Ints{3, 3, 2, 0});
  CHECK(exec.scratch.top() == 0);
}

TEST_CASE("dispatch: the global rows of slots", "[dispatch]") {
  auto exec = make_exec();
  Owned token = ints({4, -1, 0, 7}), ids = ints({99, 99, 99, 99});
  slot_row_ids(*exec, ids, token, 1000000);
  CHECK(ints_of(ids) == Ints{1000004, -1, 1000000, 1000007});
}

TEST_CASE("dispatch: gather takes rows and leaves zeros", "[dispatch]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned x = tensor_of(dtype, {2, 2}, {1, 2, 3, 4}),
        out = tensor_of(dtype, {3, 2}, {9, 9, 9, 9, 9, 9});
  gather_rows(*exec, out, x, ints({1, -1, 0}));
  CHECK(values_of(out) == std::vector<double>{3, 4, 0, 0, 1, 2});
}

TEST_CASE("dispatch: combine by hand", "[dispatch]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned slots = tensor_of(dtype, {3, 2}, {1, 2, 3, 4, 5, 6}),
        gate = tensor_of(dtype, {3, 1}, {0.5, 0.25, 2});
  Owned out = tensor_of(dtype, {3, 2}, {9, 9, 9, 9, 9, 9});
  const Owned slot = choices({2, -1, 0}), token = ints({2, -1, 0});
  combine_forward(*exec, out, slots, Owned(slot), gate);
  CHECK(values_of(out) == std::vector<double>{2.5, 3, 0, 0, 2, 4});
  Owned d_out = tensor_of(dtype, {3, 2}, {1, 2, 7, 7, 3, 4});
  Owned d_slots = tensor_of(dtype, {3, 2}, {9, 9, 9, 9, 9, 9}),
        d_gate = tensor_of(dtype, {3, 1}, {9, 9, 9});
  combine_backward(*exec, d_slots, d_gate, d_out, slots, Owned(slot), Owned(token), gate);
  CHECK(values_of(d_slots) == std::vector<double>{6, 8, 0, 0, 0.5, 1});
  CHECK(values_of(d_gate) == std::vector<double>{17, 0, 11});
  // d_slots aliases slots.
  combine_backward(*exec, slots, d_gate, d_out, slots, Owned(slot), Owned(token), gate);
  CHECK(same_bits(slots, d_slots));
  CHECK(values_of(d_gate) == std::vector<double>{17, 0, 11});
}

// Rows whose widths are and are not a multiple of 16 bytes, and longer than one step of a warp.
TEST_CASE("dispatch: rows of every dtype and width, element by element", "[dispatch]") {
  const DType dtype = GENERATE(DType::f32, DType::f64, DType::bf16);
  const int64_t d = GENERATE(1, 8, 35, 264, 520), k = GENERATE(1, 2);
  constexpr int64_t kTokens = 30, kExperts = 3, kGroups = 2, kCapacity = 4;
  constexpr int64_t kPlaces = kExperts * kGroups * kCapacity;
  auto exec = make_exec();
  const Assigned a =
      assign(random_choices(kTokens, kExperts, k, 4), kExperts, kGroups, kCapacity, 2, k);
  Owned slot = choices(a.slot, k), token = ints(a.token);
  const auto rows = [&](int64_t count, uint64_t seed) {
    return tensor_of(dtype, {count, d}, values_of(random_tensor(DType::f64, {count, d}, seed)));
  };
  Owned x = rows(kTokens, 1), slots = rows(kPlaces, 2), d_out = rows(kTokens, 3);
  Owned gate = random_tensor(compute_dtype(dtype), {kTokens, k}, 4);
  Owned gathered = rows(kPlaces, 5), combined = rows(kTokens, 6), d_slots = rows(kPlaces, 7);
  Owned d_gate(compute_dtype(dtype), {kTokens, k}), back = rows(kTokens, 8);
  gather_rows(*exec, gathered, x, token);
  gather_rows(*exec, back, slots, slot);
  combine_forward(*exec, combined, slots, slot, gate);
  combine_backward(*exec, d_slots, d_gate, d_out, slots, slot, token, gate);
  Owned as_gathered(dtype, {kPlaces, d}), as_combined(dtype, {kTokens, d});
  Owned as_d_slots(dtype, {kPlaces, d}), as_d_gate(compute_dtype(dtype), {kTokens, k});
  Owned as_back(DType::f64, {kTokens, d}), sums(DType::f64, {kTokens, d});
  for (int64_t i = 0; i < kTokens * k; ++i) {
    const int64_t s = a.slot[static_cast<size_t>(i)], t = i / k;
    double dot = 0;
    for (int64_t c = 0; c < d && s >= 0; ++c) {
      const double grad = at(d_out, t * d + c), value = at(slots, s * d + c);
      set(as_gathered, s * d + c, at(x, t * d + c));
      set(sums, t * d + c, at(sums, t * d + c) + at(gate, i) * value);
      set(as_back, t * d + c, at(as_back, t * d + c) + value);
      set(as_d_slots, s * d + c, at(gate, i) * grad);
      dot += grad * value;
    }
    set(as_d_gate, i, dot);
  }
  for (int64_t i = 0; i < kTokens * d; ++i) set(as_combined, i, at(sums, i));
  CHECK(same_bits(gathered, as_gathered));
  CHECK(same_bits(d_slots, as_d_slots));
  if (k == 1) CHECK(same_bits(combined, as_combined));
  const double rounding = dtype == DType::f64 ? 1e-14 : dtype == DType::f32 ? 3e-6 : 0.04;
  CHECK(largest_difference(combined, sums) < rounding);
  CHECK(largest_difference(back, as_back) < rounding);
  CHECK(largest_difference(d_gate, as_d_gate) < (dtype == DType::f64 ? 1e-12 : 1e-4));
}

// As experts that choose tokens leave them: slots of three in seventy experts, and of none.
TEST_CASE("dispatch: sums of few among many slots", "[dispatch]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  constexpr int64_t kExperts = 70, kColumns = 260;
  Ints slot(2 * kExperts, -1);
  slot[0] = 1;
  slot[33] = 0;
  slot[69] = 2;
  Owned x(dtype, {3, kColumns}), gate(dtype, {2, kExperts});
  for (int64_t i = 0; i < 3 * kColumns; ++i) set(x, i, static_cast<double>(i));
  for (int64_t i = 0; i < 2 * kExperts; ++i) set(gate, i, static_cast<double>(i % 8));
  Owned sums(dtype, {2, kColumns}), combined(dtype, {2, kColumns});
  gather_rows(*exec, sums, x, choices(slot, kExperts));
  combine_forward(*exec, combined, x, choices(slot, kExperts), gate);
  for (int64_t c = 0; c < kColumns; ++c) {
    const double row0 = at(x, c), row1 = at(x, kColumns + c), row2 = at(x, 2 * kColumns + c);
    REQUIRE(at(sums, c) == row0 + row1 + row2);
    REQUIRE(at(combined, c) == row0 + 5 * row2);  // gates 0, 1 and 5
    REQUIRE(at(sums, kColumns + c) == 0);
    REQUIRE(at(combined, kColumns + c) == 0);
  }
}

TEST_CASE("dispatch: gradients of dispatch and combine", "[dispatch]") {
  const int64_t d = GENERATE(1, 5, 40), capacity = GENERATE(1, 3);
  constexpr int64_t kTokens = 14, kExperts = 3, kGroups = 2;
  auto exec = make_exec();
  const int64_t k = GENERATE(1, 2);
  const Assigned a =
      assign(random_choices(kTokens, kExperts, k, 9), kExperts, kGroups, capacity, 2, k);
  Owned slot = choices(a.slot, k), token = ints(a.token);
  const Shape places{kExperts * kGroups * capacity, d}, shape{kTokens, d};
  Owned x = random_tensor(DType::f64, shape, 1), gate = random_tensor(DType::f64, {kTokens, k}, 2);
  Owned weight = random_tensor(DType::f64, shape, 3), out(DType::f64, shape);
  Owned slots(DType::f64, places), d_slots(DType::f64, places);
  Owned d_x(DType::f64, shape), d_gate(DType::f64, {kTokens, k});
  const auto loss = [&] {  // identity experts
    gather_rows(*exec, slots, x, token);
    combine_forward(*exec, out, slots, slot, gate);
    return weighted_sum(out, weight);
  };
  loss();
  combine_backward(*exec, d_slots, d_gate, weight, slots, slot, token, gate);
  gather_rows(*exec, d_x, d_slots, slot);
  CHECK(gradient_error(x, d_x, loss) < kGradientTolerance);
  CHECK(gradient_error(gate, d_gate, loss) < kGradientTolerance);
}

TEST_CASE("dispatch: combine gives the same bits for any number of threads", "[dispatch]") {
  const Assigned a = assign(random_experts(60, 4, 1), 4, 3, 4);
  Owned slot = choices(a.slot), token = ints(a.token);
  Owned gate = random_tensor(DType::f32, {60, 1}, 1);
  Owned d_out = random_tensor(DType::f32, {60, 35}, 2),
        slots = random_tensor(DType::f32, {48, 35}, 3);
  CHECK(same_for_any_threads(Owned(DType::f32, {60, 1}), [&](Exec& exec, Tensor d_gate) {
    Owned d_slots(DType::f32, {48, 35});
    combine_backward(exec, d_slots, d_gate, d_out, slots, slot, token, gate);
  }));
}

}  // namespace
}  // namespace sy
