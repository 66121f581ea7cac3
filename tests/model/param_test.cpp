// SPDX-License-Identifier: Apache-2.0
#include "lib/model/param.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "lib/model/initial_values.h"
#include "lib/tensor/transfer.h"
#include "tests/support/gradcheck.h"

namespace sy {
namespace {

struct Regions {
  Arena values{"values"}, grads{"gradients"};
  void allocate(ParamStore& store) {
    store.plan(values, grads);
    values.allocate(test::test_memory());
    grads.allocate(test::test_memory());
    store.plan(values, grads);
  }
};

double phi(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

TEST_CASE("param: the quantile inverts the normal's distribution", "[param]") {
  for (double p = 1e-9; p < 1; p += p < 0.01 ? p : 0.0037) {
    INFO(p);
    // A relative error of 1.2e-9 in the quantile z corresponds to one of up to about (1 + z^2)
    // times as much in p.
    const double z = normal_quantile(p);
    CHECK(std::abs(phi(z) - p) < 1.2e-9 * (1 + z * z) * p);
    CHECK(normal_quantile(1 - p) == Approx(-normal_quantile(p)).epsilon(1e-6).margin(1e-9));
  }
}

TEST_CASE("param: the first contribution to a discarded gradient overwrites it", "[param]") {
  ParamStore store(DType::f32);
  for (const char* name : {"a", "b", "c"}) store.add(name, {3}, Placement::replicated(), {});
  Regions regions;
  regions.allocate(store);
  auto exec = test::make_exec();
  for (const Param& param : store.all()) std::fill_n(param.grad.data<float>(), 3, 5.0f);
  auto &a = store.all()[0], &b = store.all()[1], &c = store.all()[2];
  CHECK(a.adds_to_grad());
  CHECK(b.cleared_grad(*exec).data<float>()[0] == 5);
  store.discard_gradients();
  CHECK_FALSE(a.adds_to_grad());
  CHECK(a.adds_to_grad());
  CHECK(b.cleared_grad(*exec).raw() == b.grad.raw());
  store.clear_stale_gradients(*exec, 1);
  synchronize(*exec);
  CHECK(a.grad.data<float>()[0] == 5);
  CHECK(b.grad.data<float>()[2] == 0);
  CHECK(c.grad.data<float>()[2] == 0);
  b.grad.data<float>()[0] = 7;
  CHECK(b.cleared_grad(*exec).data<float>()[0] == 7);
  store.discard_gradients();
  store.clear_stale_gradients(*exec);
  synchronize(*exec);
  CHECK(a.grad.data<float>()[0] == 0);
  CHECK(a.adds_to_grad());
}

TEST_CASE("param: regions hold their parameters aligned, one after another", "[param]") {
  ParamStore store(DType::f32, {{2, 1, 2}, 1});
  const Init init{Init::Kind::normal, 1.0};
  Param* a = store.add("a", {3, 5}, Placement::replicated(), init);
  Param* b = store.add("b", {4, 7}, Placement::expert(), init);
  Param* c = store.add("c", {17}, Placement::replicated(), init);
  Regions regions;
  regions.allocate(store);
  CHECK(a->number == 0);
  CHECK(c->number == 2);
  CHECK(b->value.shape() == Shape{2, 7});
  CHECK(b->slab == Slab{{2, 0}, {2, 7}});
  CHECK(c->value.data<float>() == a->value.data<float>() + 16);
  REQUIRE(store.regions().size() == 2);
  CHECK(store.regions()[0].axes == MeshAxes{});
  CHECK(store.regions()[1].axes == MeshAxes{MeshAxis::expert});
  CHECK(store.region_of(*c) == 0);
  CHECK(store.region_of(*b) == 1);
  CHECK(store.regions()[0].grads.numel() == 16 + 32);
  CHECK(store.regions()[1].grads.numel() == 16);
  CHECK(store.regions()[1].grads.raw() == b->grad.raw());
  CHECK(store.global_count() == 15 + 28 + 17);
  CHECK(store.local_count() == 15 + 14 + 17);
  CHECK(store.find("c") == c);
  CHECK(store.find("d") == nullptr);
  CHECK_THROWS_AS(store.add("a", {1}, Placement::replicated(), init), InternalError);
}

TEST_CASE("param: each rank's experts start as in a run on one rank", "[param]") {
  const Init init{Init::Kind::truncated_normal, 0.3};
  const auto expert_values = [&](int ranks, int rank) {
    ParamStore store(DType::f32, {{ranks, 1, ranks}, rank});
    store.add("other", {5}, Placement::replicated(), init);
    Param* param = store.add("experts", {6, 3, 3}, Placement::expert(), init);
    Regions regions;
    regions.allocate(store);
    store.initialize(*test::make_exec(), 11);
    const float* data = param->value.data<float>();
    return std::vector<float>(data, data + param->value.numel());
  };
  const std::vector<float> whole = expert_values(1, 0);
  for (const int ranks : {2, 3, 6}) {
    std::vector<float> joined;
    for (int rank = 0; rank < ranks; ++rank) {
      const std::vector<float> part = expert_values(ranks, rank);
      joined.insert(joined.end(), part.begin(), part.end());
    }
    CHECK(joined == whole);
  }
}

// Computed independently: FNV-1a and Philox written in Python, quantiles by its NormalDist.
TEST_CASE("param: initial values of a name are these for ever", "[param]") {
  const double normal[] = {-0.2301851506298731, 0.5786306898947822,   1.5357673276656512,
                           0.5492931682747891,  -0.13076149393097466, -0.28860771003123786};
  const double cut[] = {-0.21953756772744074, 0.549402351599429,    1.3903369142825055,
                        0.5218327420246284,   -0.12478008891474804, -0.2751310698069113};
  const double uniform[] = {-0.31532348655517356, 0.7571861160024027,  1.5162451480904786,
                            0.7226041924384371,   -0.1801956641877041, -0.3933806172800788};
  const auto kind = GENERATE(Init::Kind::normal, Init::Kind::truncated_normal, Init::Kind::uniform);
  const double* wanted = kind == Init::Kind::normal ? normal : cut;
  if (kind == Init::Kind::uniform) wanted = uniform;
  ParamStore store(DType::f64);
  store.add("declared before", {7}, Placement::replicated(), {});
  Param* param = store.add("encoder/layers/0/ffn/wi", {2, 3}, Placement::replicated(), {kind, 1.0});
  Regions regions;
  regions.allocate(store);
  store.initialize(*test::make_exec(), 1);
  CHECK(param->site == 0x9305422E);
  for (size_t i = 0; i < 6; ++i) {
    CHECK(param->value.data<double>()[i] == Approx(wanted[i]).epsilon(1e-8).margin(0));
  }
}

TEST_CASE("param: two names that hash alike are refused, and named", "[param]") {
  SiteRegistry sites;
  CHECK(sites.declare("costarring") == (0x5E4DAA9D | 0x80000000));
  CHECK_THROWS_WITH(sites.declare("liquid"),
                    Catch::Contains("costarring") && Catch::Contains("liquid"));
  CHECK_THROWS_AS(sites.declare("costarring"), InternalError);
  CHECK(sites.declare("dropout/costarring") != sites.declare("jitter/costarring"));
}

TEST_CASE("param: moments and bounds of the initial values", "[param]") {
  const bool truncated = GENERATE(true, false);
  const double std_dev = 0.05;
  ParamStore store;
  Param* param =
      store.add("w", {400, 500}, Placement::replicated(),
                {truncated ? Init::Kind::truncated_normal : Init::Kind::normal, std_dev});
  Param* ones = store.add("norm", {33}, Placement::replicated(), {Init::Kind::ones});
  Param* other = store.add("v", {400, 500}, Placement::replicated(), param->init);
  Regions regions;
  regions.allocate(store);
  store.initialize(*test::make_exec(), 1);
  const float* w = param->value.data<float>();
  const int64_t n = param->value.numel();
  double mean = 0, squares = 0, largest = 0;
  int64_t same = 0;
  for (int64_t i = 0; i < n; ++i) {
    mean += w[i] / static_cast<double>(n);
    squares += w[i] * w[i] / static_cast<double>(n);
    largest = std::max<double>(largest, std::abs(w[i]));
    same += w[i] == other->value.data<float>()[i];
  }
  // Truncation at two standard deviations leaves 0.8796 of the standard deviation.
  const double expected = std_dev * (truncated ? 0.879626 : 1.0);
  CHECK(std::abs(mean) < 5 * expected / std::sqrt(static_cast<double>(n)));
  CHECK(std::sqrt(squares) == Approx(expected).epsilon(0.01));
  CHECK((largest <= 2 * std_dev * 1.000001) == truncated);
  CHECK(same < 10);
  for (int64_t i = 0; i < 33; ++i) CHECK(ones->value.data<float>()[i] == 1.0f);
}

}  // namespace
}  // namespace sy
