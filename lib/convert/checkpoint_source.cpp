// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/checkpoint_source.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lib/config/config.h"
#include "lib/convert/param_stream.h"

namespace sy::convert {
namespace {
using Json = nlohmann::ordered_json;

constexpr const char* kOriginKey = "hugging_face";

std::string stored_name(const Param& param) {
  return "parameters/" + param.name;
}

RunConfig stored_config(const CheckpointReader& reader, const std::string& path) {
  try {
    return parse_config(reader.config_yaml(), path);
  } catch (const ConfigError& error) {
    throw DataError(fmt::format("{} holds a configuration that this version cannot read:\n{}", path,
                                error.what()));
  }
}

// The parameters of the configuration, each one whole, without memory.
std::vector<CheckpointTensor> expected_tensors(const RunConfig& config) {
  std::vector<CheckpointTensor> tensors;
  for (const Param& param : model_params(config.model)) {
    tensors.push_back(whole_tensor(stored_name(param), Tensor(nullptr, DType::f32, param.shape)));
  }
  return tensors;
}

}  // namespace

std::string state_json(const RunConfig& config, const HfOrigin& origin) {
  Json state{{"step", 0}, {"tokens", 0}, {"seed", config.run.seed}};
  if (origin.family && origin.dtype) {
    state[kOriginKey] = {{"model_type", model_type_of(*origin.family)},
                         {"dtype", name_of(*origin.dtype)}};
  }
  return state.dump();
}

HfOrigin origin_of_state(const std::string& text) {
  HfOrigin origin;
  const Json state = Json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!state.is_object() || !state.contains(kOriginKey)) return origin;
  const Json& stored = state.at(kOriginKey);
  const auto value = [&](const char* key) {
    const bool found = stored.is_object() && stored.contains(key) && stored.at(key).is_string();
    return found ? stored.at(key).get<std::string>() : "";
  };
  origin.family = family_of(value("model_type"));
  origin.dtype = float_type_named(value("dtype"));
  return origin;
}

CheckpointSource::CheckpointSource(const std::string& path)
    : reader_(path),
      config_(stored_config(reader_, path)),
      origin_(origin_of_state(reader_.state_json())) {
  if (config_.model.vocab_size.is_auto) {
    throw DataError(fmt::format("{} does not store model.vocab_size", path));
  }
  reader_.check(expected_tensors(config_), CheckpointReader::Extra::refuse);
  for (const CheckpointReader::Entry& entry : reader_.tensors()) {
    for (const Slab& slab : entry.slabs) cuts_[entry.name].insert(slab.end(0));
  }
}

void CheckpointSource::read(const Param& param, const SliceUse& use) {
  const std::string name = stored_name(param);
  // A parameter with slices is read in the blocks of rows in which it was stored, any other whole.
  const bool sliced = slices_of(param) > 1;
  const std::set<int64_t> ends = sliced ? cuts_.at(name) : std::set<int64_t>{param.shape[0]};
  Slab slab = Slab::whole(param.shape);
  std::vector<float> values;
  for (const int64_t end : ends) {
    slab.extent[0] = end - slab.offset[0];
    values.resize(static_cast<size_t>(slab.numel()));
    const Tensor local(values.data(), DType::f32, slab.extent);
    reader_.read({{name, local, param.shape, slab}});
    if (!sliced) use(0, local.view(slice_shape(param)));
    for (int64_t row = 0; sliced && row < slab.extent[0]; ++row) {
      use(slab.offset[0] + row, local.at(row));
    }
    slab.offset[0] = end;
  }
}

}  // namespace sy::convert
