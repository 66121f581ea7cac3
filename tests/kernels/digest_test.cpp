// SPDX-License-Identifier: Apache-2.0
#include "kernels/digest/digest.h"

#include <catch2/catch.hpp>
#include <set>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

uint64_t found(Tensor x) {
  auto exec = make_exec();
  Owned parts(DType::i32, {kDigestParts, 2});
  digest(*exec, parts, x);
  return digest_of(parts.tensor().data<int32_t>());
}

void flip(Tensor x, int64_t bit) {
  static_cast<unsigned char*>(x.raw())[bit / 8] ^= static_cast<unsigned char>(1 << bit % 8);
}

// Lengths below and above the number of parts, and above a block of threads for each.
TEST_CASE("digest: every bit counts", "[digest]") {
  const DType dtype = GENERATE(DType::bf16, DType::f32, DType::f64);
  const int64_t count = GENERATE(1, 33, 70001);
  CAPTURE(name_of(dtype), count);
  Owned numbers = random_tensor(DType::f32, {count}, 1), x(dtype, {count});
  for (int64_t i = 0; i < count; ++i) set(x, i, at(numbers, i));
  const uint64_t before = found(x);
  std::set<uint64_t> seen{before};
  const int64_t bits = 8 * x.tensor().bytes();
  const int64_t wanted = test_backend() == Backend::cpu ? 97 : 1;  // a flip takes long on the host
  const int64_t step = std::max<int64_t>(1, bits / wanted);
  int64_t flips = 0;
  for (int64_t bit = 0; bit < bits; bit += step, ++flips) {
    flip(x, bit);
    seen.insert(found(x));
    flip(x, bit);
  }
  CHECK(static_cast<int64_t>(seen.size()) == flips + 1);
  CHECK(found(x) == before);
}

TEST_CASE("digest: so does the place of a number, and its sign alone", "[digest]") {
  Owned x = tensor_of(DType::f32, {4}, {1, 2, 3, 0}), swapped = x, negative = x;
  set(swapped, 0, 2);
  set(swapped, 1, 1);
  set(negative, 3, -0.0);
  CHECK(found(x) != found(swapped));
  CHECK(found(x) != found(negative));
}

TEST_CASE("digest: the sum over all words of what the header says", "[digest]") {
  Owned x = random_tensor(DType::f32, {5000}, 3);
  uint64_t expected = 0;
  for (int64_t i = 0; i < 5000; ++i) {
    uint32_t word;
    std::memcpy(&word, x.tensor().data<float>() + i, sizeof word);
    expected += digest_term(word, i);
  }
  CHECK(found(x) == expected);
}

TEST_CASE("digest: the same for any number of threads", "[digest]") {
  Owned x = random_tensor(DType::f32, {12345}, 1);
  CHECK(same_for_any_threads(Owned(DType::i32, {kDigestParts, 2}),
                             [&](Exec& exec, Tensor parts) { digest(exec, parts, x); }));
}

TEST_CASE("digest: nothing, and nothing while planning", "[digest]") {
  CHECK(found(Tensor()) == 0);
  CHECK(found(Owned(DType::f32, {0})) == 0);
  auto exec = make_exec();
  exec->planning = true;
  digest(*exec, Tensor(nullptr, DType::i32, {kDigestParts, 2}),
         Tensor(nullptr, DType::f32, {1000}));
}

TEST_CASE("digest: wrong arguments", "[digest]") {
  auto exec = make_exec();
  Owned x(DType::f32, {1}), few(DType::i32, {kDigestParts}), doubles(DType::f64, {kDigestParts});
  CHECK_THROWS_AS(digest(*exec, few, x), InternalError);
  CHECK_THROWS_AS(digest(*exec, doubles, x), InternalError);
}

}  // namespace
}  // namespace sy
