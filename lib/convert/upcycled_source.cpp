#include "lib/convert/upcycled_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/config/config.h"
#include "lib/convert/model_params.h"
#include "lib/model/initial_values.h"

namespace sy::convert {
namespace {

// "encoder/layers/1/moe/wi" came from "encoder/layers/1/ffn/wi".
std::string dense_name(const std::string& name) {
  const std::string sparse = "/moe/";
  const size_t at = name.find(sparse);
  return at == std::string::npos ? name : std::string(name).replace(at, sparse.size(), "/ffn/");
}

}  // namespace

UpcycledSource::UpcycledSource(std::unique_ptr<ParamSource> dense, int64_t experts,
                               int64_t interval)
    : dense_(std::move(dense)), config_(dense_->config()) {
  if (config_.model.experts.count > 0) {
    throw ConfigError(
        fmt::format("--upcycle: the model has {} experts already; only a dense one "
                    "can be upcycled",
                    config_.model.experts.count));
  }
  config_.model.experts.count = experts;
  config_.model.experts.interval = interval;
  config_.model.experts.dropout = config_.model.dropout;  // the dense layers'
  const std::vector<std::string> faults = find_faults(config_);
  if (!faults.empty()) {
    throw ConfigError(fmt::format("--upcycle, --interval: {}", fmt::join(faults, "\n")));
  }
  for (const Param& param : model_params(dense_->config().model)) {
    dense_params_.emplace(param.name, param);
  }
}

void UpcycledSource::draw_router(const Param& param, const SliceUse& use) const {
  std::vector<float> values(static_cast<size_t>(param.shape.numel()));
  const Tensor router(values.data(), DType::f32, param.shape);
  const RandomKey key{static_cast<uint64_t>(config_.run.seed), 0, param.site};
  fill_initial_values(router, param.init, key, param.shape, param.slab);
  use(0, router);
}

void UpcycledSource::read(const Param& param, const SliceUse& use) {
  const auto found = dense_params_.find(dense_name(param.name));
  if (found == dense_params_.end()) return draw_router(param, use);
  dense_->read(found->second, [&](int64_t, const Tensor& values) {
    for (int64_t slice = 0; slice < slices_of(param); ++slice) use(slice, values);
  });
}

}  // namespace sy::convert
