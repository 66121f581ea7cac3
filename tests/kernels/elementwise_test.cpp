// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/elementwise.h"

#include <catch2/catch.hpp>

#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

double sum(Exec& exec, Tensor x, bool squares = false) {
  Owned total = tensor_of(DType::f64, {1}, {0});
  squares ? add_sum_of_squares(exec, total, x) : add_sum(exec, total, x);
  return at(total, 0);
}
double sum_of_squares(Exec& exec, Tensor x) {
  return sum(exec, x, true);
}

TEST_CASE("elementwise: fill, copy, scale and add", "[elementwise]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t count = GENERATE(0, 1, 17, 300000);  // the last is larger than one thread's chunk
  auto exec = make_exec();
  Owned x = random_tensor(dtype, {count}, 1), y = random_tensor(dtype, {count}, 2);
  Owned out(dtype, {count}), zero = random_tensor(dtype, {count}, 3);
  copy(*exec, out, x);
  synchronize(*exec);  // copies and fills are not launches and are not waited for
  CHECK(same_bits(out, x));
  scale_inplace(*exec, out, 0.5);
  add_inplace(*exec, out, y);
  fill_zero(*exec, zero);
  synchronize(*exec);
  int64_t wrong = 0;
  for (int64_t i = 0; i < count; ++i) {
    wrong += std::abs(at(out, i) - (0.5 * at(x, i) + at(y, i))) > 1e-6;
    wrong += at(zero, i) != 0;
  }
  CHECK(wrong == 0);
}

TEST_CASE("elementwise: copy and fill take any dtype", "[elementwise]") {
  auto exec = make_exec();
  Owned ids = int_tensor({3}, {4, -5, 6}), out = int_tensor({3}, {0, 0, 0});
  copy(*exec, out, ids);
  synchronize(*exec);
  CHECK(ints_of(out) == std::vector<int32_t>{4, -5, 6});
  fill_zero(*exec, out);
  synchronize(*exec);
  CHECK(ints_of(out) == std::vector<int32_t>{0, 0, 0});
}

TEST_CASE("elementwise: columns are copied between any columns", "[elementwise]") {
  auto exec = make_exec();
  Owned x = int_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  Owned out = int_tensor({2, 4}, {9, 9, 9, 9, 9, 9, 9, 9});
  copy_columns(*exec, out, 2, x, 0, 2);
  copy_columns(*exec, out, 0, x, 2, 1);
  synchronize(*exec);
  CHECK(ints_of(out) == std::vector<int32_t>{3, 9, 1, 2, 6, 9, 4, 5});
  CHECK_THROWS_AS(copy_columns(*exec, out, 3, x, 0, 2), InternalError);
  CHECK_THROWS_AS(copy_columns(*exec, out, 0, x, 2, 2), InternalError);
}

TEST_CASE("elementwise: sums accumulate in float64", "[elementwise]") {
  auto exec = make_exec();
  Owned x = tensor_of(DType::f32, {4}, {16777216, 1, 1, 1});  // 2^24 + 1 is not a float32
  CHECK(sum(*exec, x) == 16777219.0);
  Owned y = tensor_of(DType::f32, {3}, {4097, 1, -2});  // 4097^2 is not a float32
  CHECK(sum_of_squares(*exec, y) == 4097.0 * 4097.0 + 5.0);
  Owned large = tensor_of(DType::f32, {2}, {3e38, 3e38});
  CHECK(std::isfinite(sum_of_squares(*exec, large)));
}

TEST_CASE("elementwise: sums are added to a total, by a factor", "[elementwise]") {
  auto exec = make_exec();
  Owned x = tensor_of(DType::f32, {3}, {1, -2, 4}), total = tensor_of(DType::f64, {1}, {10});
  add_sum(*exec, total, x, 0.5);
  CHECK(at(total, 0) == 11.5);
  add_sum_of_squares(*exec, total, x);
  CHECK(at(total, 0) == 32.5);
}

TEST_CASE("elementwise: counters are added", "[elementwise]") {
  auto exec = make_exec();
  Owned x = int_tensor({3}, {1, 2, 3}), y = int_tensor({3}, {10, 0, -3});
  add_counts(*exec, x, y);
  CHECK(ints_of(x) == std::vector<int32_t>{11, 2, 0});
}

TEST_CASE("elementwise: sums are the same for any number of threads", "[elementwise]") {
  // More blocks than are summed at once, with a partly filled last one.
  const int64_t count = 4096 * 1024 + 4096 * 3 + 5;
  Owned x(DType::f32, {count});
  for (int64_t i = 0; i < count; ++i) {
    x.data<float>()[i] = static_cast<float>((i * 7919) % 1009) * 1e-3f;
  }
  Owned sums(DType::f64, {2});
  const auto run = [&](Exec& exec, Tensor out) {
    out.data<double>()[0] = sum(exec, x);
    out.data<double>()[1] = sum_of_squares(exec, x);
  };
  CHECK(same_for_any_threads(sums, run));
  double expected = 0;
  for (int64_t i = 0; i < count; ++i) expected += at(x, i);
  run(*make_exec(), sums);
  CHECK(sums.data<double>()[0] == Approx(expected).epsilon(1e-12));
}

TEST_CASE("elementwise: a sum over an element that is not finite is not finite", "[elementwise]") {
  auto exec = make_exec();
  const double bad = GENERATE(INFINITY, -INFINITY, NAN);
  Owned x = random_tensor(DType::f32, {5000}, 1);
  set(x, 4500, bad);
  CHECK_FALSE(std::isfinite(sum(*exec, x)));
  CHECK_FALSE(std::isfinite(sum_of_squares(*exec, x)));
}

TEST_CASE("elementwise: nothing is computed while planning", "[elementwise]") {
  auto exec = make_exec();
  exec->planning = true;
  const Tensor none(nullptr, DType::f32, {1000});
  fill_zero(*exec, none);
  copy(*exec, none, none);
  scale_inplace(*exec, none, 2);
  add_inplace(*exec, none, none);
  Owned total = tensor_of(DType::f64, {1}, {3});
  add_sum(*exec, total, none);
  CHECK(at(total, 0) == 3);
}

TEST_CASE("elementwise: sizes and dtypes must agree", "[elementwise]") {
  auto exec = make_exec();
  Owned x(DType::f32, {3}), y(DType::f32, {4}), z(DType::f64, {3});
  CHECK_THROWS_AS(copy(*exec, x, y), InternalError);
  CHECK_THROWS_AS(add_inplace(*exec, x, z), InternalError);
}

}  // namespace
}  // namespace sy
