// SPDX-License-Identifier: Apache-2.0
#include "kernels/dispatch/shared_slots.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "kernels/dispatch/dispatch.h"
#include "lib/base/random.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

using Ints = std::vector<int32_t>;

// The nearest number of eight significant bits, of two the one whose last bit is 0.
int64_t eight_bits(int64_t value) {
  int64_t step = 1;
  while (value / step >= 256) step *= 2;
  return static_cast<int64_t>(
             std::nearbyint(static_cast<double>(value) / static_cast<double>(step))) *
         step;
}

// Tokens of a group of `size` with E experts, one in (E + 1) of them padding.
Ints random_experts(int64_t tokens, int64_t experts) {
  Ints expert;
  for (int64_t t = 0; t < tokens; ++t) {
    const auto draw =
        random_below({7, 0, 0}, static_cast<uint64_t>(t), static_cast<uint32_t>(experts + 1));
    expert.push_back(static_cast<int32_t>(draw) - 1);
  }
  return expert;
}

struct Shared {
  int64_t slots, m;
  Owned slot, token, counts;

  Shared(Exec& exec, const Ints& expert, int64_t experts, int64_t groups, int64_t capacity)
      : slots(experts * groups * capacity),
        m(tokens_per_slot(capacity)),
        slot(int_tensor({std::ssize(expert), 1}, Ints(expert.size(), 99))),
        token(int_tensor({slots, m}, Ints(static_cast<size_t>(slots * m), 99))),
        counts(int_tensor({experts + 1}, Ints(static_cast<size_t>(experts + 1), 99))) {
    const int64_t places = places_within(capacity);
    Owned placed(DType::i32, {experts * groups * places});
    assign_slots(exec, slot, placed, counts, int_tensor({std::ssize(expert), 1}, expert), groups,
                 places);
    share_slots(exec, slot, token, placed, capacity);
  }
};

TEST_CASE("shared_slots: places by hand", "[shared_slots]") {
  const std::vector<int64_t> from{0,   1,   255, 256, 257, 258, 259, 260,
                                  261, 262, 511, 512, 514, 515, 518};
  const std::vector<int64_t> to{0,   1,   255, 256, 256, 258, 260, 260,
                                260, 262, 512, 512, 512, 516, 520};
  for (size_t i = 0; i < from.size(); ++i) CHECK(rounded_place(from[i]) == to[i]);
  CHECK(places_within(256) == 256);
  CHECK(places_within(257) == 258);  // 257 is rounded down to 256
  CHECK(places_within(259) == 259);
  CHECK(places_within(260) == 259);  // 259 is rounded up to 260
  CHECK(places_within(261) == 262);
  CHECK(places_within(0) == 0);
  CHECK(tokens_per_slot(256) == 1);
  CHECK(tokens_per_slot(257) == 2);
  CHECK(tokens_per_slot(300) == 3);
  CHECK(tokens_per_slot(600) == 5);
}

TEST_CASE("shared_slots: the definition, one token at a time", "[shared_slots]") {
  auto exec = make_exec(GENERATE(1, 3));
  const auto [tokens, experts, groups, capacity] =
      GENERATE(std::tuple{40, 3, 2, 5}, std::tuple{2000, 2, 2, 270}, std::tuple{2600, 3, 1, 601},
               std::tuple{900, 1, 1, 259}, std::tuple{900, 1, 1, 260});
  const Ints expert = random_experts(tokens, experts);
  Shared got(*exec, expert, experts, groups, capacity);
  Ints slot(expert.size(), -1), counts(static_cast<size_t>(experts + 1), 0);
  std::vector<Ints> owners(static_cast<size_t>(got.slots));
  for (int64_t g = 0; g < groups; ++g) {
    std::vector<int64_t> before(static_cast<size_t>(experts));
    for (int64_t t = g * (tokens / groups); t < (g + 1) * (tokens / groups); ++t) {
      const int32_t e = expert[static_cast<size_t>(t)];
      if (e < 0) continue;
      ++counts[static_cast<size_t>(e)];
      const int64_t place = eight_bits(before[static_cast<size_t>(e)]++);
      if (place >= capacity) {
        ++counts.back();
        continue;
      }
      const int64_t s = (e * groups + g) * capacity + place;
      slot[static_cast<size_t>(t)] = static_cast<int32_t>(s);
      owners[static_cast<size_t>(s)].push_back(static_cast<int32_t>(t));
    }
  }
  CHECK(ints_of(got.slot) == slot);
  CHECK(ints_of(got.counts) == counts);
  Ints token;
  for (Ints& of_slot : owners) {
    REQUIRE(std::ssize(of_slot) <= got.m);
    of_slot.resize(static_cast<size_t>(got.m), -1);
    token.insert(token.end(), of_slot.begin(), of_slot.end());
  }
  CHECK(ints_of(got.token) == token);
}

// Dispatch and combine of shared slots, where an expert multiplies its rows by 3.
TEST_CASE("shared_slots: tokens of a slot are summed, and gradients", "[shared_slots]") {
  auto exec = make_exec();
  const int64_t tokens = 275, d = 3, capacity = 270;
  Shared by(*exec, Ints(static_cast<size_t>(tokens), 0), 1, 1, capacity);
  Owned x = random_tensor(DType::f64, {tokens, d}, 1), slots = zeros(DType::f64, {capacity, d});
  Owned gate = random_tensor(DType::f64, {tokens, 1}, 2), out = zeros(DType::f64, {tokens, d});
  Owned weight = random_tensor(DType::f64, {tokens, d}, 3);
  const auto loss = [&] {
    gather_rows(*exec, slots, x, by.token);
    for (int64_t i = 0; i < capacity * d; ++i) slots.data<double>()[i] *= 3;
    combine_forward(*exec, out, slots, by.slot, gate);
    return weighted_sum(out, weight);
  };
  loss();
  // Tokens 259 to 261 have the place 260, token 262 has its own.
  for (int64_t c = 0; c < d; ++c) {
    const auto at = [&](Tensor of, int64_t t) { return of.data<double>()[t * d + c]; };
    const double sum = at(x, 259) + at(x, 260) + at(x, 261);
    for (const int64_t t : {259, 260, 261}) {
      CHECK(at(out, t) == Approx(3 * gate.data<double>()[t] * sum));
    }
    CHECK(at(out, 262) == Approx(3 * gate.data<double>()[262] * at(x, 262)));
  }
  Owned d_gate = zeros(DType::f64, {tokens, 1}), d_x = zeros(DType::f64, {tokens, d});
  shared_combine_backward(*exec, slots, d_gate, weight, slots, by.slot, by.token, gate);
  for (int64_t i = 0; i < capacity * d; ++i) slots.data<double>()[i] *= 3;
  gather_rows(*exec, d_x, slots, by.slot);
  const auto part = [](Tensor whole) { return whole.slice(250, 25); };
  CHECK(gradient_error(part(gate), part(d_gate), loss) < kGradientTolerance);
  CHECK(gradient_error(part(x), part(d_x), loss) < kGradientTolerance);
}

TEST_CASE("shared_slots: in float32 and bfloat16, for any number of threads", "[shared_slots]") {
  const DType dtype = GENERATE(DType::f32, DType::bf16), wide = DType::f32;
  const int64_t tokens = 300, d = 5, capacity = 270;
  Shared by(*make_exec(), Ints(static_cast<size_t>(tokens), 0), 1, 1, capacity);
  const auto random = [&](Shape shape, uint64_t seed) {
    Owned wider = random_tensor(DType::f32, shape, seed);
    return tensor_of(dtype, shape, values_of(wider));
  };
  Owned slots = random({capacity, d}, 1), d_out = random({tokens, d}, 2);
  Owned gate = random_tensor(wide, {tokens, 1}, 3), d_gate = zeros(wide, {tokens, 1});
  Owned d_slots = zeros(dtype, {capacity, d});
  CHECK(same_for_any_threads(d_slots, [&](Exec& exec, Tensor to) {
    shared_combine_backward(exec, to, d_gate, d_out, slots, by.slot, by.token, gate);
  }));
  shared_combine_backward(*make_exec(), d_slots, d_gate, d_out, slots, by.slot, by.token, gate);
  for (int64_t c = 0; c < d; ++c) {
    double sum = 0;
    for (const int64_t t : {263, 264, 265}) sum += at(gate, t) * at(d_out, t * d + c);
    CHECK(at(d_slots, 264 * d + c) == Approx(sum).epsilon(dtype == DType::f32 ? 1e-6 : 0x1p-8));
    CHECK(at(d_slots, 263 * d + c) == 0);
  }
}

}  // namespace
}  // namespace sy
