// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_confidence.h"

#include <catch2/catch.hpp>

#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("router_confidence: rows worked by hand", "[router_confidence]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  // Certain; two of four alike; uniform; padding. The second choices do not matter.
  Owned probs = tensor_of(dtype, {4, 4},
                          {0, 1, 0, 0, 0.5, 0, 0, 0.5, 0.25, 0.25, 0.25, 0.25,  //
                           0.7, 0.1, 0.1, 0.1});
  Owned expert = int_tensor({4, 2}, {1, -1, 0, 3, 0, 1, -1, 2});
  Owned entropy = tensor_of(dtype, {4}, {9, 9, 9, 9}), largest = entropy;
  Owned routed = entropy;
  router_confidence(*exec, routed, entropy, largest, probs, expert);
  synchronize(*exec);
  CHECK(largest_difference(entropy, tensor_of(dtype, {4}, {0, std::log(2), std::log(4), 0})) <
        1e-6);
  CHECK(largest_difference(largest, tensor_of(dtype, {4}, {1, 0.5, 0.25, 0})) == 0);
  CHECK(largest_difference(routed, tensor_of(dtype, {4}, {1, 1, 1, 0})) == 0);
}

TEST_CASE("router_confidence: any number of experts and tokens", "[router_confidence]") {
  auto exec = make_exec();
  const int64_t tokens = GENERATE(0, 1, 9, 70), experts = GENERATE(1, 5, 33, 200);
  Owned probs = random_tensor(DType::f64, {tokens, experts}, 1, 2.0), entropy(DType::f64, {tokens});
  Owned expert = int_tensor({tokens, 1}, std::vector<int32_t>(static_cast<size_t>(tokens), 0));
  Owned largest = entropy, routed = entropy;
  std::vector<double> entropies, most;
  for (int64_t t = 0; t < tokens; ++t) {
    double total = 0, of_token = 0, top = 0;
    for (int64_t e = 0; e < experts; ++e) total += std::exp(at(probs, t * experts + e));
    for (int64_t e = 0; e < experts; ++e) {
      const double p = std::exp(at(probs, t * experts + e)) / total;
      set(probs, t * experts + e, p);
      of_token -= p * std::log(p);
      top = std::max(top, p);
    }
    entropies.push_back(of_token);
    most.push_back(top);
  }
  router_confidence(*exec, routed, entropy, largest, probs, expert);
  synchronize(*exec);
  CHECK(largest_difference(entropy, tensor_of(DType::f64, {tokens}, entropies)) < 1e-12);
  CHECK(largest_difference(largest, tensor_of(DType::f64, {tokens}, most)) < 1e-12);
}

TEST_CASE("router_confidence: the same bits for any number of threads", "[router_confidence]") {
  Owned probs = random_tensor(DType::f32, {70, 40}, 1);
  Owned expert = int_tensor({70, 1}, std::vector<int32_t>(70, 3));
  CHECK(same_for_any_threads(Owned(DType::f32, {70}), [&](Exec& exec, Tensor entropy) {
    Owned largest(DType::f32, {70}), routed = largest;
    router_confidence(exec, routed, entropy, largest, probs, expert);
  }));
}

TEST_CASE("router_confidence: wrong arguments", "[router_confidence]") {
  auto exec = make_exec();
  Owned probs(DType::f32, {3, 4}), expert(DType::i32, {3, 1}), two(DType::f32, {2});
  Owned three(DType::f32, {3});
  CHECK_THROWS_AS(router_confidence(*exec, two, three, three, probs, expert), InternalError);
}

}  // namespace
}  // namespace sy
