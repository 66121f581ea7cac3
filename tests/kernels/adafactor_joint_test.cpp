// SPDX-License-Identifier: Apache-2.0
#include "kernels/adafactor/adafactor_joint.h"

#include <catch2/catch.hpp>

#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

// Two tensors of experts, [4] and [3], of which this rank has experts 1 and 2, and none. Its
// numbers 2 and 7 lie 2 apart.
TEST_CASE("adafactor_joint: what a rank has, and 0 for the others", "[adafactor_joint]") {
  auto exec = make_exec();
  const std::vector<AdafactorJoint> items{{1, 2, 2, 1, 4}, {0, 1, 0, 0, 3}};
  Owned numbers = tensor_of(DType::f64, {5}, {9, 2, 9, 7, 9});
  Owned gathered = tensor_of(DType::f64, {7}, std::vector<double>(7, 3));  // of an earlier step
  REQUIRE(adafactor_joint_count(items) == 7);
  adafactor_joint_gather(*exec, items, numbers, gathered);
  synchronize(*exec);
  CHECK(values_of(gathered) == std::vector<double>{0, 2, 7, 0, 0, 0, 0});

  // As after the sum over ranks: 1 + 2 + 7 + 6 = 4 * 4.
  Owned all = tensor_of(DType::f64, {7}, {1, 2, 7, 6, 5, 5, 5});
  adafactor_joint_mean(*exec, items, all, numbers);
  synchronize(*exec);
  CHECK(values_of(numbers) == std::vector<double>{9, 4, 9, 4, 9});
}

// More items than a wave has and more experts than a block; sums in the order of the experts.
TEST_CASE("adafactor_joint: many tensors of many experts", "[adafactor_joint]") {
  auto exec = make_exec();
  constexpr int64_t kItems = 70, kExperts = 150;
  std::vector<AdafactorJoint> items;
  for (int64_t i = 0; i < kItems; ++i) items.push_back({i * kExperts, 1, kExperts, 0, kExperts});
  Owned numbers = random_tensor(DType::f64, {kItems * kExperts}, 3);
  Owned gathered(DType::f64, {kItems * kExperts});
  std::vector<double> means;
  for (int64_t i = 0; i < kItems; ++i) {
    double total = 0;
    for (int64_t e = 0; e < kExperts; ++e) total += at(numbers, i * kExperts + e);
    means.push_back(total / kExperts);
  }
  adafactor_joint_gather(*exec, items, numbers, gathered);
  synchronize(*exec);
  CHECK(values_of(gathered) == values_of(numbers));
  adafactor_joint_mean(*exec, items, gathered, numbers);
  synchronize(*exec);
  int64_t wrong = 0;
  for (int64_t i = 0; i < kItems * kExperts; ++i) {
    wrong += at(numbers, i) != means[static_cast<size_t>(i / kExperts)] ? 1 : 0;
  }
  CHECK(wrong == 0);
}

TEST_CASE("adafactor_joint: what does not fit is refused", "[adafactor_joint]") {
  auto exec = make_exec();
  Owned numbers(DType::f64, {4}), gathered(DType::f64, {4});
  const auto gather = [&](const AdafactorJoint& item) {
    adafactor_joint_gather(*exec, std::span(&item, 1), numbers, gathered);
  };
  CHECK_NOTHROW(gather({0, 1, 4, 0, 4}));
  CHECK_THROWS_AS(gather({1, 1, 4, 0, 4}), InternalError);
  CHECK_THROWS_AS(gather({0, 1, 4, 1, 4}), InternalError);
  CHECK_THROWS_AS(gather({0, 1, 4, 0, 5}), InternalError);
}

}  // namespace
}  // namespace sy
