// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "lib/checkpoint/checkpoint.h"
#include "lib/convert/convert.h"
#include "lib/convert/hf/hf_source.h"
#include "lib/convert/param_stream.h"
#include "tests/convert/hf_fixture.h"
#include "tests/support/gradcheck.h"
#include "tests/support/shared_files.h"

namespace sy::convert {
namespace {
using namespace test;

using Values = std::map<std::string, std::vector<std::vector<float>>>;  // by slice

Values read_all(ParamSource& source) {
  Values values;
  for (const Param& param : model_params(source.config().model)) {
    source.read(param, [&](int64_t slice, const Tensor& tensor) {
      auto& slices = values[param.name];
      CHECK(slice == static_cast<int64_t>(slices.size()));
      CHECK(tensor.shape() == slice_shape(param));
      slices.emplace_back(tensor.data<float>(), tensor.data<float>() + tensor.numel());
    });
  }
  return values;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::string dense_folder(size_t model) {
  const HfSpec& spec = tiny_models()[model];
  const std::string folder = temporary_folder() + "/hf";
  write_hf_folder(folder, config_json(spec), random_values(state_dict(spec), FloatType::f32));
  return folder;
}

TEST_CASE("upcycle: experts are copies of the dense layer, the rest is as it was",
          "[convert_upcycle]") {
  const size_t model = GENERATE(size_t{0}, size_t{1});  // t5, and the gated one
  const std::string folder = dense_folder(model);
  HfSource dense(folder, {});
  const auto sparse = upcycle(std::make_unique<HfSource>(folder, std::vector<std::string>{}), 5, 1);
  CHECK(sparse->config().model.experts.count == 5);
  const Values was = read_all(dense), is = read_all(*sparse);
  int routers = 0;
  for (const auto& [name, slices] : is) {
    INFO(name);
    std::string from = name;
    if (name.ends_with("/router")) {
      ++routers;
      continue;
    }
    if (const size_t at = name.find("/moe/"); at != std::string::npos) from.replace(at, 5, "/ffn/");
    const bool expert = from != name && !name.ends_with("/norm");
    CHECK(slices.size() == (expert ? 5 : 1));
    for (const auto& slice : slices) CHECK(same_bits(slice, was.at(from)[0]));
  }
  CHECK(routers == 3);
}

TEST_CASE("upcycle: routers begin as in training from scratch", "[convert_upcycle]") {
  const auto source =
      upcycle(std::make_unique<HfSource>(dense_folder(0), std::vector<std::string>{}), 4, 2);
  const Values values = read_all(*source);
  const std::vector<Param> params = model_params(source->config().model);
  ParamStore store;
  for (const Param& param : params) store.add(param.name, param.shape, param.placement, param.init);
  Arena arena("parameters");
  store.plan_values(arena);
  arena.allocate();
  store.plan_values(arena);
  Exec exec;
  store.initialize(exec, 1);
  const Param& router = *store.find("encoder/layers/1/moe/router");
  const std::vector<float> fresh(router.value.data<float>(),
                                 router.value.data<float>() + router.value.numel());
  CHECK(values.at(router.name)[0] == fresh);
  CHECK_FALSE(values.contains("decoder/layers/0/moe/router"));
}

TEST_CASE("upcycle: what cannot be", "[convert_upcycle]") {
  const auto source = [](size_t model) {
    return std::make_unique<HfSource>(dense_folder(model), std::vector<std::string>{});
  };
  CHECK_THROWS_WITH(upcycle(source(2), 4, 2), Catch::Contains("already has 3 experts"));
  CHECK_THROWS_WITH(upcycle(source(0), 4, 3), Catch::Contains("experts.interval"));
  CHECK_THROWS_AS(upcycle(source(0), 1 << 20, 2), ConfigError);
}

TEST_CASE("upcycle: from folder to folder, and from checkpoint to checkpoint",
          "[convert_upcycle]") {
  const std::string hf = dense_folder(0), root = temporary_folder();
  ConvertOptions options;
  options.in = hf;
  options.out = root + "/dense";
  convert_model(options);
  options.out = root + "/direct";
  options.upcycle = 2;
  convert_model(options);
  options.from = Form::switchyard;
  options.in = root + "/dense";
  options.out = root + "/later";
  convert_model(options);
  CHECK(CheckpointReader(root + "/later").verify().empty());
  options.in = root + "/later";
  options.out = root + "/later-hf";
  options.to = Form::hugging_face;
  options.upcycle = 0;
  convert_model(options);
  options.from = Form::hugging_face;
  options.in = hf;
  options.out = root + "/direct-hf";
  options.upcycle = 2;
  convert_model(options);
  CHECK((read_hf_folder(root + "/later-hf") == read_hf_folder(root + "/direct-hf")));
}

}  // namespace
}  // namespace sy::convert
