// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_hash.h"

#include <catch2/catch.hpp>
#include <set>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

constexpr uint32_t kSite = 0x80001234u;

TEST_CASE("router_hash: a permutation, balanced over the vocabulary", "[router_hash]") {
  const uint32_t count = GENERATE(1u, 2u, 5u, 64u, 1000u, 4097u);
  std::set<uint32_t> places;
  for (uint32_t id = 0; id < count; ++id) places.insert(permuted_id(id, count, kSite));
  CHECK(places.size() == count);
  CHECK(*places.rbegin() == count - 1);
  const int64_t experts = GENERATE(1, 3, 8);
  std::vector<int64_t> shares(static_cast<size_t>(experts));
  for (uint32_t id = 0; id < count; ++id) {
    ++shares[static_cast<size_t>(hash_expert(static_cast<int32_t>(id), count, experts, kSite))];
  }
  const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
  CHECK(*most - *least <= 1);
}

// Neighbours, and the same id at two sites, agree as often as independent draws: 1 in 8.
TEST_CASE("router_hash: ids and sites are independent", "[router_hash]") {
  constexpr int64_t kCount = 8000, kExperts = 8;
  int64_t neighbours = 0, sites = 0;
  for (int32_t id = 0; id + 1 < kCount; ++id) {
    const int32_t here = hash_expert(id, kCount, kExperts, kSite);
    neighbours += here == hash_expert(id + 1, kCount, kExperts, kSite);
    sites += here == hash_expert(id, kCount, kExperts, kSite + 1);
  }
  const double bound = 5 * std::sqrt(kCount * 7.0 / 64);
  CHECK(std::abs(static_cast<double>(neighbours) - kCount / 8.0) < bound);
  CHECK(std::abs(static_cast<double>(sites) - kCount / 8.0) < bound);
}

// A model depends on these numbers.
TEST_CASE("router_hash: the function stays what it is", "[router_hash]") {
  std::vector<int32_t> experts(12);
  for (size_t i = 0; i < experts.size(); ++i) {
    experts[i] = hash_expert(static_cast<int32_t>(i), 32128, 8, kSite);
  }
  CHECK(experts == std::vector<int32_t>{3, 1, 1, 3, 3, 1, 4, 4, 6, 4, 6, 6});
}

TEST_CASE("router_hash: tokens, padding and ids that are none", "[router_hash]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned ids = int_tensor({6}, {3, 49, 50, -1, 7, 3}),
        valid = int_tensor({8}, {1, 1, 1, 1, 0, 1, 1, 0});
  Owned expert(DType::i32, {8, 1}), gate(dtype, {8, 1});
  router_hash(*exec, gate, expert, ids, valid, 50, 4, kSite);
  const int32_t three = hash_expert(3, 50, 4, kSite), last = hash_expert(49, 50, 4, kSite);
  CHECK(ints_of(expert) == std::vector<int32_t>{three, last, -1, -1, -1, three, -1, -1});
  CHECK(values_of(gate) == std::vector<double>{1, 1, 0, 0, 0, 1, 0, 0});
  CHECK_THROWS_AS(router_hash(*exec, gate, expert, ids, valid, 0, 4, kSite), InternalError);
}

TEST_CASE("router_hash: many tokens, by any number of threads", "[router_hash]") {
  constexpr int64_t kTokens = 700;
  std::vector<int32_t> list(kTokens);
  for (size_t t = 0; t < list.size(); ++t) list[t] = static_cast<int32_t>(t * 31 % 500);
  Owned ids = int_tensor({kTokens}, list), gate(DType::f32, {kTokens, 1});
  Owned valid = int_tensor({kTokens}, std::vector<int32_t>(kTokens, 1)),
        expert(DType::i32, {kTokens, 1});
  CHECK(same_for_any_threads(expert, [&](Exec& exec, Tensor out) {
    router_hash(exec, gate, out, ids, valid, 500, 16, kSite);
  }));
  router_hash(*make_exec(), gate, expert, ids, valid, 500, 16, kSite);
  for (size_t t = 0; t < list.size(); ++t) {
    REQUIRE(ints_of(expert)[t] == hash_expert(list[t], 500, 16, kSite));
  }
}

}  // namespace
}  // namespace sy
