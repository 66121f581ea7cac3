// SPDX-License-Identifier: Apache-2.0
#include "lib/model/switch_model.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/elementwise/elementwise.h"
#include "kernels/gemm/gemm_shape.h"
#include "lib/tensor/transfer.h"
#include "tests/model/fixture.h"
#include "tests/model/reference_model.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kEncoderLength = 9, kDecoderLength = 6;
const std::vector<int32_t> kEncoderLengths{9, 4, 1, 7};
const std::vector<int32_t> kDecoderLengths{3, 6, 1, 5};

ReferenceParams reference_params(ParamStore& store) {
  ReferenceParams params;
  for (Param& param : store.all()) {
    const double* data = param.value.data<double>();
    params[param.name] = {data, data + param.value.numel()};
  }
  return params;
}

std::vector<std::vector<int>> rows_of(Tensor ids) {
  std::vector<std::vector<int>> rows;
  for (int64_t b = 0; b < ids.dim(0); ++b) {
    const int32_t* row = ids.data<int32_t>() + b * ids.dim(1);
    rows.emplace_back(row, row + ids.dim(1));
  }
  return rows;
}

template <class T>
double largest_difference(Tensor logits, const std::vector<double>& expected, int64_t position) {
  double worst = 0;
  const int64_t vocab = logits.dim(1);
  for (int64_t b = 0; b < logits.dim(0); ++b) {
    for (int64_t id = 0; id < vocab; ++id) {
      const size_t place = static_cast<size_t>((b * kDecoderLength + position) * vocab + id);
      const double value = static_cast<double>(logits.data<T>()[b * vocab + id]);
      worst = std::max(worst, std::abs(value - expected[place]));
    }
  }
  return worst;
}

double worst_logit(ModelFixture& f, const Batch& batch, DType dtype,
                   const std::vector<double>& expected) {
  Owned logits(dtype, {batch.streams[kEncoder].ids.dim(0), f.model.config().vocab_size.value});
  double worst = 0;
  for (int64_t position = 0; position < kDecoderLength; ++position) {
    f.model.logits_at(*f.exec, batch, f.step, position, logits);
    worst = std::max(worst, dtype == DType::f64
                                ? largest_difference<double>(logits, expected, position)
                                : largest_difference<float>(logits, expected, position));
  }
  return worst;
}

// Compares loss, logits and router statistics of both precisions with the reference.
void compare_with_reference(const ModelSection& section) {
  const ModelShape shape{4, kEncoderLength, kDecoderLength};
  ModelFixture f64(section, shape), f32(section, shape, DType::f32);
  randomize(f64.model.params(), 23);
  f32.copy_params_from(f64.model);
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                   kDecoderLengths);
  const ReferenceBatch plain{rows_of(batch.batch().streams[kEncoder].ids),
                             rows_of(batch.batch().targets)};
  const ReferenceParams params = reference_params(f64.model.params());
  for (const bool training : {true, false}) {
    const double factor =
        training ? section.experts.capacity_factor : section.experts.eval_capacity_factor;
    const ReferenceResult expected = reference_forward(section, params, plain, factor);
    f64.step.training = f32.step.training = training;
    f64.step.logit_z_loss = 0.1;
    f64.model.clear_stats(*f64.exec);
    CHECK(std::abs(f64.forward(batch) - expected.cross_entropy) < 1e-10);
    CHECK(std::abs(f32.forward(batch) - expected.cross_entropy) <
          1e-4 * std::max(1.0, expected.cross_entropy));
    const RouterStats& stats = f64.model.router_stats();
    CHECK(*stats.balance.data<double>() == Approx(expected.balance_sum).margin(1e-10));
    CHECK(*stats.z.data<double>() == Approx(expected.z_sum).margin(1e-10));
    CHECK(*f64.model.logit_z_sum().data<double>() ==
          Approx(training ? expected.logit_z_sum : 0).margin(1e-10));
    const int32_t* count = stats.counts.data<int32_t>();
    for (const std::vector<int>& row : expected.counts) {
      for (const int value : row) CHECK(*count++ == value);
    }
    for (size_t layer = 0; layer < expected.entropies.size(); ++layer) {
      const double* confidence = stats.confidence.data<double>() + 3 * layer;
      CHECK(confidence[1] == Approx(expected.entropies[layer]).epsilon(1e-10));
      CHECK(confidence[2] == Approx(expected.top_probabilities[layer]).epsilon(1e-10));
    }
    if (training) continue;
    CHECK(worst_logit(f64, batch.batch(), DType::f64, expected.logits) < 1e-10);
    CHECK(worst_logit(f32, batch.batch(), DType::f32, expected.logits) < 1e-4);
  }
}

TEST_CASE("switch_model: dense agrees with the scalar reference", "[switch_model]") {
  ModelSection model = tiny_model();
  model.activation = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  model.tie_embeddings = GENERATE(true, false);
  compare_with_reference(model);
}

TEST_CASE("switch_model: sparse agrees with the scalar reference", "[switch_model]") {
  ModelSection model = tiny_model();
  model.activation = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  model.tie_embeddings = GENERATE(true, false);
  model.experts.count = 3;
  model.experts.interval = GENERATE(1, 2);
  model.experts.capacity =
      GENERATE(CapacityMode::factor, CapacityMode::fixed, CapacityMode::dropless);
  model.experts.capacity_factor = 0.7;
  model.experts.eval_capacity_factor = 1.1;
  model.experts.min_capacity = 1;
  model.experts.fixed_capacity = 3;
  model.experts.jitter = 0;
  compare_with_reference(model);
}

// With and without experts in the feed-forward layers.
TEST_CASE("switch_model: experts in attention agree with the scalar reference", "[switch_model]") {
  ModelSection model = tiny_sparse_model(3, 2);
  model.experts.jitter = 0;
  const bool linear = GENERATE(false, true);
  model.experts.attention_form = linear ? AttentionForm::linear : AttentionForm::ffn;
  model.experts.attention = {{false, {0}}, {}};
  if (linear) {
    model.experts.layers = {{false, {}}, {false, {}}};
    model.experts.attention = {{false, {1}}, {false, {0, 1}}};
    model.experts.capacity = CapacityMode::dropless;
  }
  compare_with_reference(model);
}

TEST_CASE("switch_model: groups of tokens agree with the scalar reference", "[switch_model]") {
  ModelSection model = tiny_sparse_model(3, 2);
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  // Kernels executed on the host are slow.
  if (test_backend() == Backend::cuda && model.experts.capacity != CapacityMode::factor) return;
  model.experts.jitter = 0;
  compare_with_reference(with_token_groups(model, kEncoderLength, kDecoderLength));
  model.experts.group_tokens.encoder = {};          // two whole sequences
  model.experts.group_tokens.decoder = {false, 8};  // one and a third
  compare_with_reference(model);
}

TEST_CASE("switch_model: convention hugging_face agrees with the scalar reference",
          "[switch_model]") {
  ModelSection model = tiny_hugging_face_model(3, GENERATE(1, 2, 3));
  model.experts.capacity = GENERATE(CapacityMode::fixed, CapacityMode::dropless);
  model.experts.jitter = 0;
  compare_with_reference(model);
}

TEST_CASE("switch_model: by the convention hugging_face experts see the jitter", "[switch_model]") {
  ModelSection section = tiny_hugging_face_model(3);
  section.experts.capacity = CapacityMode::dropless;
  section.experts.count = 1;  // the gate is 1 whatever the router sees
  section.experts.jitter = 0.1;
  section.experts.convention = GENERATE(Convention::paper, Convention::hugging_face);
  ModelFixture f(section, {4, kEncoderLength, kDecoderLength});
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                   kDecoderLengths);
  const double jittered = f.forward(batch);
  f.step.training = false;
  CHECK((f.forward(batch) != jittered) == (section.experts.convention != Convention::paper));
}

// The gate of the only expert is 1, and dropless it takes every token.
TEST_CASE("switch_model: one expert is the dense model", "[switch_model]") {
  ModelSection section = tiny_sparse_model(1);
  section.experts.capacity = CapacityMode::dropless;
  section.experts.balance_loss = 0;
  const ModelShape shape{4, kEncoderLength, kDecoderLength};
  ModelFixture dense(tiny_model(), shape), sparse(section, shape);
  synchronize(*dense.exec);
  for (const Param& param : sparse.model.params().all()) {
    std::string name = param.name;
    if (name.ends_with("/router")) continue;
    const size_t at = name.find("/moe/");
    if (at != std::string::npos) name.replace(at, 5, "/ffn/");
    for (const Param& twin : dense.model.params().all()) {
      if (twin.name == name) copy(*sparse.exec, param.value, twin.value.view(param.shape));
    }
  }
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                   kDecoderLengths);
  CHECK(sparse.forward(batch) == Approx(dense.forward(batch)).epsilon(1e-12));
}

TEST_CASE("switch_model: micro-batches add up to the whole batch", "[switch_model]") {
  ModelSection section = GENERATE(tiny_model(), tiny_hugging_face_model(3));
  if (section.experts.convention == Convention::paper) section.experts.count = GENERATE(0, 3);
  section.dropout = 0.2;
  const ModelShape shape{4, kEncoderLength, kDecoderLength};
  ModelFixture whole(section, shape), parts(section, shape);
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                   kDecoderLengths);
  const double expected = whole.forward(batch);
  whole.model.backward(*whole.exec, batch.batch(), whole.step);
  double sum = 0;
  for (int64_t begin = 0; begin < 4; begin += 2) {
    parts.step.first_sequence = begin;
    sum += parts.model.forward(*parts.exec, batch.slice(begin, 2), parts.step);
    parts.model.backward(*parts.exec, batch.slice(begin, 2), parts.step);
  }
  CHECK(sum == Approx(expected).epsilon(1e-12));
  for (Param& param : whole.model.params().all()) {
    INFO(param.name);
    const Tensor other = parts.model.params().find(param.name)->grad;
    double worst = 0;
    for (int64_t i = 0; i < other.numel(); ++i) {
      worst = std::max(worst, std::abs(other.data<double>()[i] - param.grad.data<double>()[i]));
    }
    CHECK(worst < 1e-10);
  }
}

TEST_CASE("switch_model: gradients are reported once, last first, when complete",
          "[switch_model]") {
  ModelSection section = tiny_model();
  section.tie_embeddings = GENERATE(true, false);
  ModelFixture f(section, {4, kEncoderLength, kDecoderLength});
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                   kDecoderLengths);
  f.forward(batch);
  const int count = static_cast<int>(f.model.params().all().size());
  int below = count, calls = 0;
  std::vector<double> first_elements(static_cast<size_t>(count));
  f.model.backward(*f.exec, batch.batch(), f.step, [&](int first) {
    CHECK(first < below);
    for (int i = first; i < below; ++i) {
      first_elements[static_cast<size_t>(i)] =
          weighted_sum(f.model.params().all()[static_cast<size_t>(i)].grad,
                       f.model.params().all()[static_cast<size_t>(i)].value);
    }
    below = first;
    ++calls;
  });
  CHECK(below == 0);
  CHECK(calls >= 4);  // at least one call per block
  for (const Param& param : f.model.params().all()) {
    INFO(param.name);
    CHECK(weighted_sum(param.grad, param.value) ==
          first_elements[static_cast<size_t>(param.number)]);
  }
}

TEST_CASE("switch_model: plain gradient descent learns a batch by heart", "[switch_model]") {
  ModelSection section = tiny_model();
  section.experts.count = GENERATE(0, 3);
  section.d_model = 16;
  section.d_ff = 32;
  ModelFixture f(section, {4, kEncoderLength, kDecoderLength}, DType::f32);
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                   kDecoderLengths);
  const double tokens = static_cast<double>(batch.target_tokens());
  f.step.loss_scale = 1 / tokens;
  f.step.group_scale = 0.5;
  double first = 0, last = 0;
  for (uint32_t step = 0; step < 150; ++step) {
    f.step.step = step;
    f.clear_gradients();
    last = f.forward(batch) / tokens;
    if (step == 0) first = last;
    f.model.backward(*f.exec, batch.batch(), f.step);
    for (Param& param : f.model.params().all()) {
      for (int64_t i = 0; i < param.value.numel(); ++i) {
        param.value.data<float>()[i] -= 0.2f * param.grad.data<float>()[i];
      }
    }
  }
  INFO("from " << first << " to " << last);
  CHECK(first > 2.0);
  CHECK(last < 0.3 * first);
}

// Fedus et al. 2022, table 9, in units of 10^9, for 512 and 114 tokens: to the printed digits.
TEST_CASE("switch_model: FLOPs as the paper prints them", "[switch_model]") {
  const auto billions = [](int64_t d_model, int64_t heads, int64_t d_ff, int64_t layers,
                           Activation activation) {
    ModelSection model;
    model.vocab_size = {false, 32128};
    model.d_model = d_model;
    model.num_heads = heads;
    model.d_kv = 64;
    model.d_ff = d_ff;
    model.encoder_layers = model.decoder_layers = layers;
    model.activation = activation;
    return SwitchModel::kaplan_flops_per_sequence(model, 512, 114) / 1e9;
  };
  CHECK(billions(768, 12, 3072, 12, Activation::relu) == Approx(124.6).margin(0.05));
  CHECK(billions(768, 12, 2048, 12, Activation::geglu) == Approx(124.6).margin(0.05));
  CHECK(billions(1024, 16, 4096, 24, Activation::relu) == Approx(424.9).margin(0.05));
  CHECK(billions(1024, 16, 2816, 24, Activation::geglu) == Approx(432.8).margin(0.05));
  CHECK(billions(4096, 64, 10240, 24, Activation::geglu) == Approx(6260).margin(5));
  CHECK(billions(2080, 32, 6144, 15, Activation::relu) == Approx(894).margin(0.5));
  CHECK(billions(2080, 30, 6144, 15, Activation::relu) == Approx(869).margin(0.5));
}

// A token of a sparse layer meets the weights of all experts that it goes to, and of the shared
// one.
TEST_CASE("switch_model: FLOPs as Kaplan et al. count, of top-2 and a shared expert",
          "[switch_model]") {
  ModelSection model = tiny_sparse_model(3, 2);
  model.experts.top_k = 1;
  model.experts.shared_expert = 0;
  model.activation = GENERATE(Activation::relu, Activation::geglu);
  const auto flops = [&] {
    return SwitchModel::kaplan_flops_per_sequence(model, kEncoderLength, kDecoderLength);
  };
  int64_t tokens = 0;  // of sparse layers
  for (int64_t layer = 0; layer < model.encoder_layers; ++layer) {
    tokens += is_sparse_layer(model, Stack::encoder, layer) ? kEncoderLength : 0;
  }
  for (int64_t layer = 0; layer < model.decoder_layers; ++layer) {
    tokens += is_sparse_layer(model, Stack::decoder, layer) ? kDecoderLength : 0;
  }
  REQUIRE(tokens > 0);
  const int64_t matrices = model.activation == Activation::geglu ? 3 : 2;
  const double one = flops();
  model.experts.top_k = 2;
  CHECK(flops() - one ==
        Approx(2. * static_cast<double>(tokens * matrices * model.d_model * model.d_ff)));
  model.experts.top_k = 1;
  model.experts.shared_expert = 5;
  CHECK(flops() - one == Approx(2. * static_cast<double>(tokens * matrices * model.d_model * 5)));
}

TEST_CASE("switch_model: the FLOPs formula counts the products that run", "[switch_model]") {
  ModelSection section = tiny_model();
  section.activation = GENERATE(Activation::relu, Activation::geglu);
  section.tie_embeddings = GENERATE(true, false);
  ModelFixture f(section, {4, kEncoderLength, kDecoderLength});
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                   kDecoderLengths);
  f.exec->profiler.enable();
  f.forward(batch);
  f.model.backward(*f.exec, batch.batch(), f.step);
  // The attention kernel computes its two GEMMs itself.
  const double pairs = 2.0 * kEncoderLength * kEncoderLength +
                       2.0 * (kDecoderLength * kDecoderLength + kDecoderLength * kEncoderLength);
  const double inside = 3 * 4 * pairs * static_cast<double>(section.num_heads * section.d_kv);
  const double formula = SwitchModel::flops_per_sequence(section, kEncoderLength, kDecoderLength);
  CHECK(flops_of(f.exec->state<GemmCounts>()) == Approx(4 * (formula - inside)).epsilon(1e-12));
}

// In place of the projections to q, k and v of one layer, per token: those of its expert.
TEST_CASE("switch_model: FLOPs of experts in attention", "[switch_model]") {
  ModelSection model = tiny_sparse_model(3, 2);
  const auto flops = [&] {
    return SwitchModel::flops_per_sequence(model, kEncoderLength, kDecoderLength);
  };
  const double dense = flops(), d = static_cast<double>(model.d_model);
  const auto inner = static_cast<double>(model.num_heads * model.d_kv);
  const auto d_ff = static_cast<double>(model.d_ff);
  model.experts.attention.encoder = {false, {0}};
  const double router = 3 * d, replaced = 3 * d * inner, per_product = 3 * 2 * kEncoderLength;
  CHECK(flops() - dense ==
        Approx(per_product * (d * d_ff + d_ff * 2 * inner + router - replaced)).epsilon(1e-9));
  model.experts.attention_form = AttentionForm::linear;
  CHECK(flops() - dense == Approx(per_product * (d * 2 * inner + router - replaced)).epsilon(1e-9));
}

}  // namespace
}  // namespace sy
