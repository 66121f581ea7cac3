// SPDX-License-Identifier: Apache-2.0
// Adafactor's step on matrices whose sums need several ranks: shards over the model ranks, and
// experts that are clipped and scaled together.
#pragma once

#include <optional>
#include <vector>

#include "kernels/adafactor/adafactor_joint.h"
#include "kernels/adafactor/adafactor_shard.h"
#include "lib/dist/mesh.h"
#include "lib/model/param.h"

namespace sy {

class AdafactorPhases {
 public:
  // `over_model`: the items are shards over the model ranks.
  explicit AdafactorPhases(bool over_model) : over_model_(over_model) {}

  // Adds what this rank updates of a parameter, which may be nothing. Every rank adds the same
  // parameters in the same order. Sums of a `joint` parameter are those of all its experts;
  // `divided` says that not every rank that holds an expert updates it (ZeRO-1).
  void add(const Param& param, bool factored, const std::optional<AdafactorShard>& item, bool joint,
           bool divided);

  // Steps all items. Collective over the model ranks and, with joint parameters, over the data
  // ranks. Throws InternalError without a mesh.
  void apply(Exec& exec, const AdafactorStep& step, Mesh* mesh) const;

 private:
  void complete(Exec& exec, const std::vector<AdafactorJoint>& joints, Tensor numbers,
                Mesh& mesh) const;

  bool over_model_;
  bool divided_ = false;
  std::vector<AdafactorShard> items_;
  std::vector<AdafactorJoint> joint_sums_, joint_updates_;  // numbers of each kernel phase
};

}  // namespace sy
