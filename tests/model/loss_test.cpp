// SPDX-License-Identifier: Apache-2.0
#include "lib/model/loss.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "lib/model/embedding.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

// With the z-loss, if the step has one.
double loss_of(const LayerContext& context, const LossParams& params, Tensor d_h, Tensor h,
               Tensor targets, int64_t chunk_rows = 0) {
  Owned total(DType::f64, {1}), logit_z(DType::f64, {1});
  loss_forward(context, params, {total, logit_z}, d_h, h, targets, chunk_rows);
  return *total.data<double>() + context.step.logit_z_loss * *logit_z.data<double>();
}

TEST_CASE("loss: gradients over several chunks of rows", "[loss]") {
  const bool tied = GENERATE(true, false);
  const auto [rows, chunk_rows] =
      GENERATE(std::pair<int64_t, int64_t>{7, 0}, std::pair<int64_t, int64_t>{7, 3},
               std::pair<int64_t, int64_t>{2 * loss_rows(Backend::cpu) + 3, 0});
  LayerFixture f;
  if (f.exec->backend == Backend::cuda && rows > 7) return;  // a single chunk there, and slow
  f.model.tie_embeddings = tied;
  f.step.loss_scale = 0.3;
  f.step.logit_z_loss = 0.2;
  Param* embedding = embedding_params(f.store, f.model);
  const LossParams params = loss_params(f.store, f.model, embedding);
  CHECK((params.table == embedding) == tied);
  f.allocate([](Arena&) { return 0; });
  const LayerContext context = f.context(1, rows);
  Owned h = random_tensor(DType::f64, {rows, f.model.d_model}, 1);
  Owned d_h(DType::f64, {rows, f.model.d_model});
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < rows; ++i) ids.push_back(static_cast<int32_t>(i % 5 * 3));
  Owned targets = int_tensor({rows}, ids);
  const auto loss = [&, chunk = chunk_rows] {
    return f.step.loss_scale * loss_of(context, params, {}, h, targets, chunk);
  };
  CHECK(f.step.loss_scale * loss_of(context, params, d_h, h, targets, chunk_rows) ==
        Approx(loss()));
  CHECK(loss() == Approx(f.step.loss_scale * loss_of(context, params, {}, h, targets)));
  CHECK(gradient_error(h, d_h, loss) < kGradientTolerance);
  f.check_params(loss);
}

// A student and a teacher that is wider, on one rank.
TEST_CASE("loss: gradients with a teacher, over several chunks of rows", "[loss]") {
  const double temperature = GENERATE(1.0, 2.5), weight = GENERATE(0.25, 1.0);
  const int64_t chunk_rows = GENERATE(0, 3);
  constexpr int64_t kRows = 7;
  LayerFixture f, t;
  t.model.d_model = f.model.d_model + 3;
  f.step.loss_scale = 0.3;
  // At temperature 1 both losses have the same z-loss.
  f.step.logit_z_loss = temperature == 1 ? 0.2 : 0.0;
  const LossParams params = loss_params(f.store, f.model, embedding_params(f.store, f.model));
  const LossParams teacher = loss_params(t.store, t.model, embedding_params(t.store, t.model));
  f.allocate([](Arena&) { return 0; });
  t.allocate([](Arena&) { return 0; });
  const LayerContext context = f.context(1, kRows);
  Owned h = random_tensor(DType::f64, {kRows, f.model.d_model}, 1), d_h = h;
  Owned teacher_h = random_tensor(DType::f64, {kRows, t.model.d_model}, 2, 2.0);
  Owned targets = int_tensor({kRows}, {3, 0, 6, 9, 12, 0, 3});
  Owned ce(DType::f64, {1}), z(DType::f64, {1}), soft(DType::f64, {1});
  const auto loss = [&](Tensor gradient) {
    for (Owned* sum : {&ce, &z, &soft}) *sum->data<double>() = 0;
    loss_forward(context, params, {ce, z, soft}, gradient, h, targets, chunk_rows,
                 {&teacher, teacher_h, weight, temperature});
    return f.step.loss_scale * ((1 - weight) * *ce.data<double>() +
                                weight * temperature * temperature * *soft.data<double>() +
                                f.step.logit_z_loss * *z.data<double>());
  };
  const double total = loss(d_h);
  CHECK(*soft.data<double>() > 0);
  CHECK(total == Approx(loss({})));
  CHECK(gradient_error(h, d_h, [&] { return loss({}); }) < kGradientTolerance);
  f.check_params([&] { return loss({}); });
}

TEST_CASE("loss: a teacher without weight changes nothing", "[loss]") {
  constexpr int64_t kRows = 5;
  LayerFixture f;
  f.step.logit_z_loss = 0.1;
  const LossParams params = loss_params(f.store, f.model, embedding_params(f.store, f.model));
  f.allocate([](Arena&) { return 0; });
  const Shape rows{kRows, f.model.d_model};
  Owned h = random_tensor(DType::f64, rows, 1), other = random_tensor(DType::f64, rows, 2);
  Owned d_h(DType::f64, rows), d_with(DType::f64, rows), targets = int_tensor({5}, {3, 0, 6, 9, 1});
  Owned ce(DType::f64, {1}), with(DType::f64, {1}), soft(DType::f64, {1});
  loss_forward(f.context(1, kRows), params, {ce}, d_h, h, targets);
  loss_forward(f.context(1, kRows), params, {with, {}, soft}, d_with, h, targets, 0,
               {&params, other, 0.0, 2.0});
  CHECK(*ce.data<double>() == *with.data<double>());
  for (int64_t i = 0; i < d_h.tensor().numel(); ++i) {
    REQUIRE(d_h.data<double>()[i] == d_with.data<double>()[i]);
  }
}

TEST_CASE("loss: whether the decoder's output is scaled is a choice of its own", "[loss]") {
  const bool tied = GENERATE(true, false);
  const AutoBool scaled = GENERATE(AutoBool::automatic, AutoBool::on, AutoBool::off);
  LayerFixture f;
  f.model.tie_embeddings = tied;
  f.model.scale_decoder_outputs = scaled;
  const double scale = loss_params(f.store, f.model, embedding_params(f.store, f.model)).scale;
  const bool expected = scaled == AutoBool::automatic ? tied : scaled == AutoBool::on;
  CHECK(scale == Approx(expected ? std::pow(f.model.d_model, -0.5) : 1.0));
}

TEST_CASE("loss: the z-loss of equal logits is log(vocab) squared, in training alone", "[loss]") {
  LayerFixture f;
  f.step.training = GENERATE(true, false);
  f.step.logit_z_loss = 0.5;
  const LossParams params = loss_params(f.store, f.model, embedding_params(f.store, f.model));
  f.allocate([](Arena&) { return 0; });
  Owned h = zeros(DType::f64, {4, f.model.d_model}), targets = int_tensor({4}, {3, 0, 12, 0});
  Owned entropy(DType::f64, {1}), logit_z(DType::f64, {1});
  loss_forward(f.context(1, 4), params, {entropy, logit_z}, {}, h, targets);
  const double log_z = std::log(13.0);
  CHECK(*entropy.data<double>() == Approx(2 * log_z));
  CHECK(*logit_z.data<double>() == Approx(f.step.training ? 2 * log_z * log_z : 0));
}

TEST_CASE("loss: equal logits cost log(vocab) a token, pad costs nothing", "[loss]") {
  LayerFixture f;
  Param* embedding = embedding_params(f.store, f.model);
  const LossParams params = loss_params(f.store, f.model, embedding);
  f.allocate([](Arena&) { return 0; });
  Owned h = zeros(DType::f64, {4, f.model.d_model});
  Owned targets = int_tensor({4}, {3, 0, 12, 0});
  CHECK(loss_of(f.context(1, 4), params, {}, h, targets) == Approx(2 * std::log(13.0)));
}

}  // namespace
}  // namespace sy
