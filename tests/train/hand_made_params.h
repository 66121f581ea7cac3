// A few parameters of both groups, made by hand and allocated: what reduction, norm and optimiser
// are tested on without a model around them.
#pragma once

#include "lib/dist/mesh.h"
#include "lib/model/param.h"
#include "tests/support/backend.h"

namespace sy::test {

class HandMadeParams {
 public:
  static constexpr int64_t kExperts = 4;

  explicit HandMadeParams(const Mesh& mesh, DType dtype = DType::f32)
      : store(dtype, mesh.shape().expert, mesh.expert_rank()) {
    const auto replicated = ParamGroup::replicated, expert = ParamGroup::expert;
    store.add("embedding", {11, 3}, replicated, {});
    store.add("scale", {3}, replicated, {});
    store.add("moe/wi", {kExperts, 3, 5}, expert, {});
    store.add("moe/bias", {kExperts, 5}, expert, {});
    store.add("moe/wo", {kExperts, 5, 3}, expert, {});
    store.add("last scale", {1}, replicated, {});
    store.add("head", {3, 11}, replicated, {});
    store.plan(values_, grads_);
    values_.allocate(test_memory());
    grads_.allocate(test_memory());
    store.plan(values_, grads_);
  }

  // value(element) into a parameter's gradient, elements counted over the whole model's parameter.
  template <class T, class Value>
  static void fill_gradient(const Param& param, const Value& value) {
    const int64_t first = first_element(param);
    for (int64_t i = 0; i < param.grad.numel(); ++i) {
      param.grad.data<T>()[i] = static_cast<T>(value(first + i));
    }
  }

  // Where this rank's part begins in the whole parameter.
  static int64_t first_element(const Param& param) {
    return param.first_expert * (param.shape.numel() / param.shape[0]);
  }

  ParamStore store;

 private:
  Arena values_{"values"}, grads_{"gradients"};
};

}  // namespace sy::test
