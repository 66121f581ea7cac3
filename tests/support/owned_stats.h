// SPDX-License-Identifier: Apache-2.0
// Router statistics that own their memory, for tests.
#pragma once

#include <cstring>

#include "lib/model/context.h"
#include "tests/support/gradcheck.h"

namespace sy::test {

class OwnedStats {
 public:
  explicit OwnedStats(int64_t experts = 0)
      : counts_(DType::i32, {1, experts + 1}),
        balance_(DType::f64, {1}),
        z_(DType::f64, {1}),
        confidence_(DType::f64, {1, 3}),
        choice_(DType::f64, {kChoiceLosses}) {
    stats.counts = counts_;
    stats.balance = balance_;
    stats.z = z_;
    stats.confidence = confidence_;
    stats.choice = choice_;
  }
  OwnedStats(const OwnedStats&) = delete;
  OwnedStats& operator=(const OwnedStats&) = delete;

  double balance_sum() const { return *stats.balance.data<double>(); }
  double z_sum() const { return *stats.z.data<double>(); }
  double choice_sum(ChoiceLoss loss) const {
    return stats.choice.data<double>()[static_cast<size_t>(loss)];
  }
  void clear() const {
    for (const Tensor& tensor :
         {stats.counts, stats.balance, stats.z, stats.confidence, stats.choice}) {
      std::memset(tensor.raw(), 0, static_cast<size_t>(tensor.bytes()));
    }
  }

  RouterStats stats;

 private:
  Owned counts_, balance_, z_, confidence_, choice_;
};

}  // namespace sy::test
