// SPDX-License-Identifier: Apache-2.0
// A small model, distributed over ranks as a trainer does it: dense tensors on every rank and
// written by one, experts and their moments in slabs, streams divided among the ranks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "tests/support/gradcheck.h"

namespace sy::test {

struct ModelShape {
  int64_t experts = 8;
  int64_t d_model = 6;
  int64_t streams = 4;
};

// The tensors of rank `rank` of `ranks`. With 4 ranks or more, each expert's matrices are cut in
// two on their inner axis and the experts are spread over half of the ranks. Every element of the
// model and of each `version` has a different value (-1: not read yet).
class RankModel {
 public:
  RankModel(ModelShape shape, int rank, int ranks, int64_t version);

  const std::vector<CheckpointTensor>& tensors() const { return tensors_; }
  CheckpointMeta meta(int64_t step) const;

  void clear();                       // all elements become -1
  bool holds(int64_t version) const;  // every element is that version's

 private:
  // The axes that follow the experts and the halves of their matrices, -1 for none.
  void add(const std::string& name, DType dtype, Shape global, int expert_axis = -1,
           int half_axis = -1);
  template <class Visit>
  void each_element(const Visit& visit) const;

  ModelShape shape_;
  int rank_, ranks_;
  int64_t version_;
  std::vector<std::unique_ptr<Owned>> memory_;
  std::vector<CheckpointTensor> tensors_;
};

// Number of the i-th element of a slab within the whole tensor, row-major.
int64_t global_index(const Slab& slab, const Shape& global, int64_t i);

// The contents of stream `number` at `version`. Lengths differ, and one stream is empty.
std::vector<int32_t> stream_values(int64_t number, int64_t version);
std::string stream_name(int64_t number);

// Saves `version` of the model as `step` from `ranks` writers in this process.
void save(const std::string& folder, ModelShape shape, int ranks, int64_t step, int64_t version,
          int64_t keep = 0);

// Reads it back on `ranks` ranks and compares every element; throws what the reader throws.
bool reads_as(const std::string& path, ModelShape shape, int ranks, int64_t version);

}  // namespace sy::test
