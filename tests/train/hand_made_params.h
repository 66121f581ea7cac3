// SPDX-License-Identifier: Apache-2.0
// A few allocated parameters of every placement, for testing reduction, norm and optimiser without
// a model.
#pragma once

#include "lib/dist/mesh.h"
#include "lib/model/param.h"
#include "tests/support/backend.h"

namespace sy::test {

class HandMadeParams {
 public:
  static constexpr int64_t kExperts = 4;

  // `cut`: whether there are parameters that the model axis shards.
  explicit HandMadeParams(const Mesh& mesh, DType dtype = DType::f32,
                          UpdatedBy updated_by = UpdatedBy::every_holder)
      : HandMadeParams(mesh, dtype, mesh.shape().model > 1, updated_by) {}
  HandMadeParams(const Mesh& mesh, DType dtype, bool cut,
                 UpdatedBy updated_by = UpdatedBy::every_holder, bool sequence_parallel = false)
      : store(dtype, mesh.place(), updated_by, sequence_parallel) {
    const Placement replicated = Placement::replicated(), expert = Placement::expert();
    store.add("embedding", {11, 3}, replicated, {});
    store.add("scale", {3}, replicated, {}, {.rows = GradRows::stream});
    store.add("moe/wi", {kExperts, 3, 5}, expert, {});
    store.add("moe/bias", {kExperts, 5}, expert, {});
    store.add("moe/wo", {kExperts, 5, 3}, expert, {});
    store.add("last scale", {1}, replicated, {}, {.rows = GradRows::stream});
    if (cut) add_model_cut();
    store.add("head", {3, 11}, replicated, {});
    store.plan(values_, grads_);
    values_.allocate(test_memory());
    grads_.allocate(test_memory());
    store.plan(values_, grads_);
  }

  // Sets the gradient of a parameter to value(element); elements are counted over the whole
  // parameter.
  template <class T, class Value>
  static void fill_gradient(const Param& param, const Value& value) {
    for (int64_t i = 0; i < param.grad.numel(); ++i) {
      param.grad.data<T>()[i] = static_cast<T>(value(element(param, i)));
    }
  }

  // Index in the whole parameter of local element i.
  static int64_t element(const Param& param, int64_t i) {
    return index_in_whole(param.slab, param.shape, i);
  }

  ParamStore store;

 private:
  void add_model_cut() {
    store.add("ffn/wi", {3, 8}, Placement::model(1), {});
    store.add("ffn/wo", {8, 3}, Placement::model(0), {});
    store.add("moe/cut wi", {kExperts, 3, 8}, Placement::expert_and_model(2), {});
    store.add("moe/cut wo", {kExperts, 8, 3}, Placement::expert_and_model(1), {});
  }

  Arena values_{"values"}, grads_{"gradients"};
};

}  // namespace sy::test
