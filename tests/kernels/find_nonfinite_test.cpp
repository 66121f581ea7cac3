// SPDX-License-Identifier: Apache-2.0
#include "kernels/find_nonfinite/find_nonfinite.h"

#include <catch2/catch.hpp>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

constexpr double kAnyFault = NAN;  // any sum of squares that is not finite

double found(Tensor x, double squares = kAnyFault) {
  auto exec = make_exec();
  Owned index = tensor_of(DType::f64, {1}, {-7}), sum = tensor_of(DType::f64, {1}, {squares});
  find_nonfinite(*exec, index, x, sum);
  return at(index, 0);
}

// Lengths on both sides of the number of elements that a block examines at once.
TEST_CASE("find_nonfinite: any position and any non-finite value", "[find_nonfinite]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const double bad = GENERATE(INFINITY, -INFINITY, double{NAN});
  const int64_t count = GENERATE(1, 7, 1024, 16384, 16385, 50000);
  CAPTURE(name_of(dtype), bad, count);
  for (const int64_t where : {int64_t{0}, count / 3, count / 2, count - 1}) {
    Owned x = random_tensor(dtype, {count}, 1);
    set(x, where, bad);
    CHECK(found(x) == static_cast<double>(where));
    CHECK(found(x, INFINITY) == static_cast<double>(where));
  }
}

TEST_CASE("find_nonfinite: the first of several", "[find_nonfinite]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned x = random_tensor(dtype, {40000}, 1);
  double bad = NAN;
  // Each position precedes the previous one: in another chunk, warp or lane, or of the same thread.
  for (const int64_t where : {39999, 20000, 17024, 16384, 16383, 16000, 1024, 1023, 40, 33, 2}) {
    set(x, where, bad);
    CHECK(found(x) == static_cast<double>(where));
    bad = bad == INFINITY ? NAN : INFINITY;
  }
  for (int64_t i = 0; i < 40000; ++i) set(x, i, NAN);
  CHECK(found(x) == 0);
}

// The sum may cover other ranks' tensors too, or may have overflowed.
TEST_CASE("find_nonfinite: none", "[find_nonfinite]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned x = random_tensor(dtype, {20000}, 1);
  const double large = dtype == DType::f32 ? 3e38 : 1e308;
  set(x, 5, large);
  set(x, 6, -large);
  CHECK(found(x) == -1);
  CHECK(found(x, INFINITY) == -1);
  CHECK(found(Tensor()) == -1);
  CHECK(found(Owned(dtype, {0})) == -1);
}

TEST_CASE("find_nonfinite: nothing is read where the sum is finite", "[find_nonfinite]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned x = random_tensor(dtype, {100}, 1);
  set(x, 3, NAN);
  CHECK(found(x, 0) == -1);
  CHECK(found(x, 1e300) == -1);
  CHECK(found(Tensor(), 0) == -1);
}

TEST_CASE("find_nonfinite: nothing is computed while planning", "[find_nonfinite]") {
  auto exec = make_exec();
  exec->planning = true;
  const Tensor number(nullptr, DType::f64, {1});
  find_nonfinite(*exec, number, Tensor(nullptr, DType::f32, {1000}), number);
}

TEST_CASE("find_nonfinite: wrong arguments", "[find_nonfinite]") {
  auto exec = make_exec();
  Owned one(DType::f64, {1}), two(DType::f64, {2}), single(DType::f32, {1});
  CHECK_THROWS_AS(find_nonfinite(*exec, two, single, one), InternalError);
  CHECK_THROWS_AS(find_nonfinite(*exec, one, single, two), InternalError);
  CHECK_THROWS_AS(find_nonfinite(*exec, single, single, one), InternalError);
  CHECK_THROWS_AS(find_nonfinite(*exec, one, Owned(DType::i32, {1}), one), InternalError);
}

}  // namespace
}  // namespace sy
