// SPDX-License-Identifier: Apache-2.0
// A group whose sums end in other bits than those of the group beside it, as where a library picks
// the order of summation by the places of the ranks.
#pragma once

#include <catch2/catch.hpp>

#include "lib/dist/communicator.h"
#include "tests/support/mpi_world.h"

namespace sy::test {

class OwnOrderGroup final : public Communicator {
 public:
  // Collective over `group`, of ranks of the test's world.
  explicit OwnOrderGroup(Communicator& group) : group_(group) {
    int32_t first = test_world().rank();
    group.broadcast(Tensor(&first, DType::i32, {1}), 0, "first rank");
    factor_ = 1 + 1e-15 * first;
  }

  int rank() const override { return group_.rank(); }
  int size() const override { return group_.size(); }
  const std::string& name() const override { return group_.name(); }

  void all_reduce_sum(Tensor tensor, const char* label) override {
    group_.all_reduce_sum(tensor, label);
    for (int64_t i = 0; i < tensor.numel(); ++i) tensor.data<double>()[i] *= factor_;
  }
  void broadcast(Tensor tensor, int root, const char* label) override {
    group_.broadcast(tensor, root, label);
  }

  void all_reduce_max(Tensor, const char*) override { unexpected(); }
  RequestPtr start_all_reduce_sum(Tensor, const char*) override { return unexpected(); }
  RequestPtr start_reduce_scatter_sum(Tensor, const std::vector<RowRange>&, const char*) override {
    return unexpected();
  }
  RequestPtr start_all_gather(Tensor, const std::vector<RowRange>&, const char*) override {
    return unexpected();
  }
  void all_to_all(Tensor, Tensor, const char*) override { unexpected(); }
  RequestPtr start_all_to_all_rows(Tensor, const std::vector<RowRange>&, Tensor,
                                   const std::vector<RowRange>&, const char*) override {
    return unexpected();
  }
  void all_gather(Tensor, Tensor, const char*) override { unexpected(); }
  void reduce_scatter_sum(Tensor, Tensor, const char*) override { unexpected(); }
  void barrier(const char*) override { unexpected(); }
  std::unique_ptr<Communicator> split(int, const std::string&) override {
    unexpected();
    return nullptr;
  }

 private:
  static RequestPtr unexpected() {
    FAIL("a collective that no norm needs");
    return nullptr;
  }

  Communicator& group_;
  double factor_ = 1;
};

}  // namespace sy::test
