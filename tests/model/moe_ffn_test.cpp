// SPDX-License-Identifier: Apache-2.0
// The Switch sub-layer compared with a plain loop over tokens, and its gradients with differences.
#include "lib/model/moe/moe_ffn.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "tests/model/moe_layer.h"

namespace sy {
namespace {
using namespace test;

using Row = std::vector<double>;
constexpr int64_t kLength = 5;

// The layer in its simplest form: one token after another, without gathering or batching.
class PlainLayer {
 public:
  PlainLayer(MoeLayer& layer, Tensor x, Tensor valid)
      : layer_(layer), experts_(layer.model.experts), x_(x), valid_(valid) {
    counts.resize(static_cast<size_t>(experts_.count + 1));
    const int64_t group = experts_.group_sequences * kLength;
    for (int64_t begin = 0; begin < x.dim(0); begin += group) run_group(begin, group);
  }

  Row out;  // [T, d_model]
  std::vector<int32_t> counts;
  double balance = 0, z = 0;

 private:
  double weight(Param* param, int64_t i) const { return param->value.data<double>()[i]; }
  int64_t d() const { return layer_.model.d_model; }
  int64_t global_row(int64_t t) const { return layer_.step.first_sequence * kLength + t; }
  RandomKey key(uint32_t site) const { return layer_.context(valid_).key(site); }

  double dropped(double value, double rate, uint32_t site, int64_t t, int64_t c,
                 int64_t cols) const {
    if (!layer_.step.training) return value;
    const double u = random_uniform(key(site), static_cast<uint64_t>(global_row(t) * cols + c));
    return u >= rate ? value / (1 - rate) : 0.0;
  }

  Row norm(int64_t t) const {
    const double* x = x_.data<double>() + t * d();
    double squares = 0;
    for (int64_t c = 0; c < d(); ++c) squares += x[c] * x[c];
    Row normed;
    for (int64_t c = 0; c < d(); ++c) {
      normed.push_back(x[c] / std::sqrt(squares / static_cast<double>(d()) + kEpsilon) *
                       weight(layer_.params.norm, c));
    }
    return normed;
  }

  Row logits(const Row& normed, int64_t t) const {
    Row sums(static_cast<size_t>(experts_.count));
    for (int64_t c = 0; c < d(); ++c) {
      double input = normed[static_cast<size_t>(c)];
      if (layer_.step.training) {
        const float u = random_uniform(key(layer_.params.routing.router.jitter_site),
                                       static_cast<uint64_t>(global_row(t) * d() + c));
        // The factor is float32 whatever the dtype.
        const float spread = static_cast<float>(experts_.jitter) * (2.0f * u - 1.0f);
        input *= static_cast<double>(1.0f + spread);
      }
      for (int64_t e = 0; e < experts_.count; ++e) {
        sums[static_cast<size_t>(e)] +=
            input * weight(layer_.params.routing.router.weight, c * experts_.count + e);
      }
    }
    return sums;
  }

  // Element j of the product of `row` and a `cols`-column matrix of an expert.
  double product(const Row& row, Param* param, int64_t e, int64_t j, int64_t cols) const {
    double total = 0;
    const int64_t rows = static_cast<int64_t>(row.size());
    for (int64_t c = 0; c < rows; ++c) {
      total += row[static_cast<size_t>(c)] * weight(param, (e * rows + c) * cols + j);
    }
    return total;
  }

  Row expert(const Row& normed, int64_t e, int64_t t) const {
    const ExpertsParams& params = layer_.params.experts;
    const int64_t d_ff = layer_.model.d_ff;
    Row inner, result;
    for (int64_t j = 0; j < d_ff; ++j) {
      const double h = product(normed, params.wi, e, j, d_ff);
      double value = std::max(h, 0.0);
      if (layer_.model.activation != Activation::relu) {
        value = h / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (h + 0.044715 * h * h * h)));
      }
      if (layer_.model.activation == Activation::geglu) {
        value *= product(normed, params.wi_linear, e, j, d_ff);
      }
      inner.push_back(dropped(value, experts_.dropout, layer_.params.sites.hidden, t, j, d_ff));
    }
    for (int64_t c = 0; c < d(); ++c) result.push_back(product(inner, params.wo, e, c, d()));
    return result;
  }

  int64_t limit(int64_t group) const {
    if (experts_.capacity == CapacityMode::dropless) return group;
    if (experts_.capacity == CapacityMode::fixed) return std::min(experts_.fixed_capacity, group);
    const double factor =
        layer_.step.training ? experts_.capacity_factor : experts_.eval_capacity_factor;
    const int64_t share = static_cast<int64_t>(static_cast<double>(group) * factor /
                                               static_cast<double>(experts_.count));
    return std::min(std::max(share, experts_.min_capacity), group);
  }

  void run_group(int64_t begin, int64_t group) {
    const size_t count = static_cast<size_t>(experts_.count);
    std::vector<int64_t> routed(count);
    Row mean(count);
    double tokens = 0, squares = 0;
    for (int64_t t = begin; t < std::min(begin + group, x_.dim(0)); ++t) {
      const double* x = x_.data<double>() + t * d();
      out.insert(out.end(), x, x + d());
      if (valid_.data<int32_t>()[t] == 0) continue;
      const Row normed = norm(t), h = logits(normed, t);
      const size_t best = static_cast<size_t>(std::max_element(h.begin(), h.end()) - h.begin());
      double total = 0;
      for (const double logit : h) total += std::exp(logit);
      for (size_t e = 0; e < count; ++e) mean[e] += std::exp(h[e]) / total;
      squares += std::log(total) * std::log(total);
      tokens += 1;
      ++counts[best];
      if (routed[best]++ >= limit(group)) {
        ++counts[count];
        continue;
      }
      const Row y = expert(normed, static_cast<int64_t>(best), t);
      for (int64_t c = 0; c < d(); ++c) {
        const double gated = std::exp(h[best]) / total * y[static_cast<size_t>(c)];
        out[static_cast<size_t>(t * d() + c)] +=
            dropped(gated, layer_.model.dropout, layer_.params.sites.output, t, c, d());
      }
    }
    if (tokens == 0) return;
    z += squares / tokens;
    for (size_t e = 0; e < count; ++e) {
      balance +=
          static_cast<double>(count) * static_cast<double>(routed[e]) * mean[e] / (tokens * tokens);
    }
  }

  static constexpr double kEpsilon = 1e-6;
  MoeLayer& layer_;
  const ExpertsSection& experts_;
  Tensor x_, valid_;
};

struct OneRank {
  std::unique_ptr<Communicator> world = make_self_communicator();
  Mesh mesh{*world, {}};
};

void check_forward(MoeLayer& layer, Tensor out, Tensor x, Tensor valid) {
  const PlainLayer plain(layer, x, valid);
  layer.forward(out, x, valid);
  double worst = 0;
  for (int64_t i = 0; i < out.numel(); ++i) {
    worst = std::max(worst, std::abs(out.data<double>()[i] - plain.out[static_cast<size_t>(i)]));
  }
  CHECK(worst < 1e-12);
  CHECK(layer.balance_sum() == Approx(plain.balance).epsilon(1e-12));
  CHECK(layer.z_sum() == Approx(plain.z).epsilon(1e-12));
  const int32_t* counts = layer.stats.counts.data<int32_t>();
  CHECK(std::vector<int32_t>(counts, counts + plain.counts.size()) == plain.counts);
}

// Compares forward with the plain loop and every gradient with differences.
void check_layer(MoeLayer& layer, Tensor x, Tensor valid) {
  Owned weight = random_tensor(DType::f64, x.shape(), 2), out(DType::f64, x.shape());
  Owned d_x(DType::f64, x.shape());
  check_forward(layer, out, x, valid);
  const auto loss = [&] {
    layer.forward(out, x, valid);
    return weighted_sum(out, weight) + layer.extra_loss();
  };
  loss();
  layer.backward(d_x, weight, valid);
  CHECK(gradient_error(x, d_x, loss) < kGradientTolerance);
  for (Param& param : layer.store.all()) {
    INFO(param.name);
    CHECK(gradient_error(param.value, param.grad, loss) < kGradientTolerance);
  }
}

int32_t dropped_tokens(MoeLayer& layer) {
  return layer.stats.counts.data<int32_t>()[layer.model.experts.count];
}

// Routes every token to `expert`, if x is positive.
void favour(MoeLayer& layer, int64_t expert) {
  Param& router = *layer.params.routing.router.weight;
  const int64_t experts = router.shape[1];
  for (int64_t i = 0; i < router.value.numel(); ++i) {
    router.value.data<double>()[i] *= 0.1;
    if (i % experts == expert) router.value.data<double>()[i] += 0.3;
  }
}

Owned positive(Shape shape) {
  Owned x = random_tensor(DType::f64, shape, 1);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    x.data<double>()[i] = std::abs(x.data<double>()[i]) + 0.1;
  }
  return x;
}

TEST_CASE("moe_ffn: the plain loop, and gradients, in every mode", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.activation = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  model.experts.capacity =
      GENERATE(CapacityMode::factor, CapacityMode::fixed, CapacityMode::dropless);
  OneRank one;
  MoeLayer layer(model, one.mesh, 6, kLength);
  Owned x = random_tensor(DType::f64, {6 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3, 5, 5, 0, 2}, kLength);
  check_layer(layer, x, valid);
  if (model.experts.capacity == CapacityMode::dropless) {
    CHECK(dropped_tokens(layer) == 0);
  } else {
    CHECK(dropped_tokens(layer) > 0);
  }
}

TEST_CASE("moe_ffn: all tokens to one expert, the others without any", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  OneRank one;
  MoeLayer layer(model, one.mesh, 4, kLength);
  favour(layer, 2);
  Owned x = positive({4 * kLength, model.d_model});
  Owned valid = valid_tokens({5, 5, 1, 4}, kLength);
  check_layer(layer, x, valid);
  CHECK(layer.stats.counts.data<int32_t>()[2] == 15);
  const Tensor unused = layer.params.experts.wi->grad.at(0);
  CHECK(weighted_sum(unused, unused) == 0);
}

TEST_CASE("moe_ffn: one expert takes every token", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.count = 1;
  OneRank one;
  MoeLayer layer(model, one.mesh, 2, kLength);
  Owned x = random_tensor(DType::f64, {2 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3}, kLength);
  check_layer(layer, x, valid);
}

TEST_CASE("moe_ffn: fewer sequences than planned, and a group that is not full", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  const std::vector<int64_t> lengths =
      GENERATE(std::vector<int64_t>{4}, std::vector<int64_t>{5, 2, 5}, std::vector<int64_t>{});
  OneRank one;
  MoeLayer layer(model, one.mesh, 5, kLength);
  const int64_t sequences = static_cast<int64_t>(lengths.size());
  Owned x = random_tensor(DType::f64, {sequences * kLength, model.d_model}, 1);
  Owned valid = valid_tokens(lengths, kLength);
  check_layer(layer, x, valid);
}

TEST_CASE("moe_ffn: evaluation has its own capacity and no randomness", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.activation = Activation::geglu;
  OneRank one;
  MoeLayer layer(model, one.mesh, 4, kLength);
  layer.step.training = false;
  favour(layer, 1);
  Owned x = positive({4 * kLength, model.d_model}), out(DType::f64, {4 * kLength, model.d_model});
  Owned valid = valid_tokens({5, 5, 5, 5}, kLength);
  check_forward(layer, out, x, valid);
  CHECK(dropped_tokens(layer) == 2 * (10 - 3));  // int(10 * 1.5 / 4) of each group are kept
}

TEST_CASE("moe_ffn: without a valid token everything passes by", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  OneRank one;
  MoeLayer layer(model, one.mesh, 4, kLength);
  const Shape shape{4 * kLength, model.d_model};
  Owned x = random_tensor(DType::f64, shape, 1), d_out = random_tensor(DType::f64, shape, 2);
  Owned out(DType::f64, shape), d_x(DType::f64, shape);
  Owned valid = valid_tokens({0, 0, 0, 0}, kLength);
  layer.forward(out, x, valid);
  layer.backward(d_x, d_out, valid);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    CHECK(out.data<double>()[i] == x.data<double>()[i]);
    CHECK(d_x.data<double>()[i] == d_out.data<double>()[i]);
  }
  for (const Param& param : layer.store.all()) CHECK(weighted_sum(param.grad, param.grad) == 0);
  CHECK(layer.extra_loss() == 0);
}

TEST_CASE("moe_ffn: the gradient may go down in place, and parameters accumulate", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  model.dropout = GENERATE(0.25, 0.0);
  OneRank one;
  MoeLayer layer(model, one.mesh, 4, kLength);
  const Shape shape{4 * kLength, model.d_model};
  Owned x = random_tensor(DType::f64, shape, 1), in_place = random_tensor(DType::f64, shape, 2);
  Owned out(DType::f64, shape), d_x(DType::f64, shape);
  Owned valid = valid_tokens({5, 3, 0, 4}, kLength);
  layer.forward(out, x, valid);
  layer.backward(d_x, in_place, valid);
  const Tensor grads = layer.store.regions().back().grads;  // the experts'
  const std::vector<double> once(grads.data<double>(), grads.data<double>() + grads.numel());
  layer.backward(in_place, in_place, valid);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    CHECK(d_x.data<double>()[i] == in_place.data<double>()[i]);
  }
  double worst = 0;
  for (size_t i = 0; i < once.size(); ++i) {
    worst = std::max(worst, std::abs(grads.data<double>()[i] - 2 * once[i]));
  }
  CHECK(worst < 1e-13);
}

TEST_CASE("moe_ffn: micro-batches make the batch", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  OneRank one;
  MoeLayer whole(model, one.mesh, 4, kLength), half(model, one.mesh, 2, kLength);
  const Shape shape{4 * kLength, model.d_model};
  Owned x = random_tensor(DType::f64, shape, 1), out(DType::f64, shape), part(DType::f64, shape);
  Owned valid = valid_tokens({5, 3, 4, 5}, kLength);
  whole.forward(out, x, valid);
  for (int64_t i = 0; i < 2; ++i) {
    const int64_t rows = 2 * kLength;
    half.step.first_sequence = whole.step.first_sequence + 2 * i;
    half.forward(part.tensor().slice(i * rows, rows), x.tensor().slice(i * rows, rows),
                 valid.tensor().slice(i * rows, rows));
  }
  double worst = 0;
  for (int64_t i = 0; i < shape.numel(); ++i) {
    worst = std::max(worst, std::abs(out.data<double>()[i] - part.data<double>()[i]));
  }
  CHECK(worst < 1e-13);
}

TEST_CASE("moe_ffn: float32 agrees with float64", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  model.d_model = 32;
  model.d_ff = 48;
  OneRank one;
  MoeLayer layer(model, one.mesh, 16, 20, DType::f32), layer64(model, one.mesh, 16, 20);
  const Shape shape{16 * 20, model.d_model};
  Owned x = random_tensor(DType::f32, shape, 1), weight = random_tensor(DType::f32, shape, 2);
  Owned x64(DType::f64, shape), weight64(DType::f64, shape), out64(DType::f64, shape);
  Owned out(DType::f32, shape), d_x(DType::f32, shape), d_x64(DType::f64, shape);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    x64.data<double>()[i] = static_cast<double>(x.data<float>()[i]);
    weight64.data<double>()[i] = static_cast<double>(weight.data<float>()[i]);
  }
  Owned valid = valid_tokens(std::vector<int64_t>(16, 18), 20);
  layer.forward(out, x, valid);
  layer.backward(d_x, weight, valid);
  layer64.forward(out64, x64, valid);
  layer64.backward(d_x64, weight64, valid);
  const auto difference = [](Tensor a, Tensor b) {
    double worst = 0;
    for (int64_t i = 0; i < a.numel(); ++i) {
      worst =
          std::max(worst, std::abs(static_cast<double>(a.data<float>()[i]) - b.data<double>()[i]));
    }
    return worst;
  };
  CHECK(difference(out, out64) < 1e-4);
  CHECK(difference(d_x, d_x64) < 1e-4);
  for (Param& param : layer.store.all()) {
    INFO(param.name);
    CHECK(difference(param.grad, layer64.store.find(param.name)->grad) < 2e-3);
  }
}

}  // namespace
}  // namespace sy
