// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "lib/config/config.h"
#include "lib/convert/param_stream.h"
#include "lib/model/initial_values.h"

namespace sy::convert {
namespace {

// "encoder/layers/1/moe/wi" is copied from "encoder/layers/1/ffn/wi".
std::string dense_name(const std::string& name) {
  const std::string sparse = "/moe/";
  const size_t at = name.find(sparse);
  return at == std::string::npos ? name : std::string(name).replace(at, sparse.size(), "/ffn/");
}

RunConfig with_experts(RunConfig config, int64_t experts, int64_t interval) {
  ExpertsSection& section = config.model.experts;
  if (section.count > 0) {
    throw ConfigError(fmt::format(
        "--upcycle: the model already has {} experts; only a dense model can be upcycled",
        section.count));
  }
  section.count = experts;
  section.interval = interval;
  section.attention = ExpertsSection{}.attention;  // only feed-forward layers are copied
  section.dropout = config.model.dropout;          // as in the dense layers
  const std::vector<std::string> errors = find_errors(config);
  if (!errors.empty()) {
    throw ConfigError(fmt::format("--upcycle, --interval: {}", fmt::join(errors, "\n")));
  }
  return config;
}

class UpcycledSource : public ParamSource {
 public:
  UpcycledSource(std::unique_ptr<ParamSource> dense, int64_t experts, int64_t interval)
      : dense_(std::move(dense)), config_(with_experts(dense_->config(), experts, interval)) {
    for (const Param& param : model_params(dense_->config().model)) {
      dense_params_.emplace(param.name, param);
    }
  }

  const RunConfig& config() const override { return config_; }
  HfOrigin origin() const override { return dense_->origin(); }

  void read(const Param& param, const SliceUse& use) override {
    const auto found = dense_params_.find(dense_name(param.name));
    if (found == dense_params_.end()) return draw_router(param, use);
    dense_->read(found->second, [&](int64_t, const Tensor& values) {
      for (int64_t slice = 0; slice < slices_of(param); ++slice) use(slice, values);
    });
  }

 private:
  void draw_router(const Param& param, const SliceUse& use) const {
    std::vector<float> values(static_cast<size_t>(param.shape.numel()));
    const Tensor router(values.data(), DType::f32, param.shape);
    const RandomKey key{static_cast<uint64_t>(config_.run.seed), 0, param.site};
    fill_initial_values(router, param.init, key, param.shape, param.slab);
    use(0, router);
  }

  std::unique_ptr<ParamSource> dense_;
  RunConfig config_;
  std::map<std::string, Param> dense_params_;
};

}  // namespace

std::unique_ptr<ParamSource> upcycle(std::unique_ptr<ParamSource> dense, int64_t experts,
                                     int64_t interval) {
  return std::make_unique<UpcycledSource>(std::move(dense), experts, interval);
}

}  // namespace sy::convert
