// SPDX-License-Identifier: Apache-2.0
#include "lib/model/embedding.h"

#include <catch2/catch.hpp>

#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("embedding: gradients with dropout", "[embedding]") {
  LayerFixture f;
  f.model.dropout = 0.3;
  Param* table = embedding_params(f.store, f.model);
  const uint32_t site = f.store.add_site("dropout/embedding");
  f.allocate([](Arena&) { return 0; });
  const int64_t b = 3, length = 5;
  Owned ids = int_tensor({b * length}, {1, 2, 3, 0, 0, 12, 12, 12, 12, 12, 5, 4, 3, 2, 1});
  Owned out(DType::f64, {b * length, f.model.d_model});
  Owned weight = random_tensor(DType::f64, {b * length, f.model.d_model}, 9);
  const LayerContext context = f.context(b, length);
  const auto loss = [&] {
    embed_forward(context, *table, out, ids, site);
    return weighted_sum(out, weight);
  };
  loss();
  Owned d_out = random_tensor(DType::f64, {b * length, f.model.d_model}, 9);
  embed_backward(context, *table, d_out, ids, site);
  f.check_params(loss);
}

TEST_CASE("embedding: rows are copied unscaled in evaluation", "[embedding]") {
  LayerFixture f;
  f.model.dropout = 0.3;
  f.step.training = false;
  Param* table = embedding_params(f.store, f.model);
  const uint32_t site = f.store.add_site("dropout/embedding");
  f.allocate([](Arena&) { return 0; });
  Owned ids = int_tensor({2}, {7, 0});
  Owned out(DType::f64, {2, f.model.d_model});
  embed_forward(f.context(1, 2), *table, out, ids, site);
  for (int64_t i = 0; i < f.model.d_model; ++i) {
    CHECK(out.data<double>()[i] == table->value.data<double>()[7 * f.model.d_model + i]);
  }
}

}  // namespace
}  // namespace sy
