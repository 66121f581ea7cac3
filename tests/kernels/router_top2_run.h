// SPDX-License-Identifier: Apache-2.0
// What the tests of second choices share.
#pragma once

#include <vector>

#include "kernels/router/router.h"
#include "kernels/router/router_top2.h"
#include "tests/kernels/op_test.h"

namespace sy::test {

using Ints = std::vector<int32_t>;

// Two choices of every token, from logits: the first by router_forward.
struct Top2 {
  int64_t tokens, experts;
  Owned logits, valid, probs, first_gate, log_sum, first, fraction, mean_prob, losses;
  Owned gate, expert, second;
  Top2Rule rule;

  Top2(Owned from, const Ints& which, int64_t groups = 1)
      : tokens(from.tensor().dim(0)),
        experts(from.tensor().dim(1)),
        logits(from),
        valid(int_tensor({tokens}, which)),
        probs(dtype(), {tokens, experts}),
        first_gate(dtype(), {tokens, 1}),
        log_sum(dtype(), {tokens}),
        first(DType::i32, {tokens, 1}),
        fraction(dtype(), {groups, experts}),
        mean_prob(dtype(), {groups, experts}),
        losses(dtype(), {2}),
        gate(dtype(), {tokens, 2}),
        expert(DType::i32, {tokens, 2}),
        second(DType::i32, {tokens}) {}
  DType dtype() { return logits.tensor().dtype(); }
  void forward(Exec& exec) {
    router_forward(exec, probs, first_gate, log_sum, first, fraction, mean_prob, losses, logits,
                   valid);
    router_top2_forward(exec, gate, expert, second, probs, first, rule);
  }
  void backward(Exec& exec, Tensor d_logits, Tensor d_gate, double balance, double z) {
    router_backward(exec, d_logits, {}, probs, log_sum, {}, fraction, valid, balance, z);
    router_top2_backward(exec, d_logits, d_gate, probs, expert, second, rule.normalise);
  }
};

}  // namespace sy::test
