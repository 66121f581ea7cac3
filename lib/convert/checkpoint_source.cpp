#include "lib/convert/checkpoint_source.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "lib/config/config.h"
#include "lib/convert/model_params.h"

namespace sy::convert {
namespace {

constexpr const char* kOriginKey = "hugging_face";

std::string stored_name(const Param& param) {
  return "parameters/" + param.name;
}

RunConfig stored_config(const CheckpointReader& reader, const std::string& path) {
  try {
    return parse_config(reader.config_yaml(), path);
  } catch (const ConfigError& fault) {
    throw DataError(fmt::format("{} holds a configuration that this version does not take:\n{}",
                                path, fault.what()));
  }
}

// The parameters of the configuration, each whole; without memory.
std::vector<CheckpointTensor> expected_tensors(const RunConfig& config) {
  std::vector<CheckpointTensor> tensors;
  for (const Param& param : model_params(config.model)) {
    tensors.push_back(whole_tensor(stored_name(param), Tensor(nullptr, DType::f32, param.shape)));
  }
  return tensors;
}

}  // namespace

std::string origin_to_json(const HfOrigin& origin) {
  if (!origin.family || !origin.dtype) return "";
  return fmt::format(R"("{}": {{"model_type": "{}", "dtype": "{}"}})", kOriginKey,
                     model_type_of(*origin.family), name_of(*origin.dtype));
}

HfOrigin origin_of_state(const std::string& state_json) {
  HfOrigin origin;
  simdjson::dom::parser parser;
  simdjson::dom::object stored;
  if (parser.parse(state_json)[kOriginKey].get(stored) != simdjson::SUCCESS) return origin;
  std::string_view type, dtype;
  if (stored["model_type"].get(type) == simdjson::SUCCESS) {
    for (const HfFamily family : {HfFamily::t5, HfFamily::switch_transformers}) {
      if (type == model_type_of(family)) origin.family = family;
    }
  }
  if (stored["dtype"].get(dtype) == simdjson::SUCCESS) origin.dtype = float_type_named(dtype);
  return origin;
}

CheckpointSource::CheckpointSource(const std::string& path)
    : reader_(path),
      config_(stored_config(reader_, path)),
      origin_(origin_of_state(reader_.state_json())) {
  if (config_.model.vocab_size.is_auto) {
    throw DataError(fmt::format("{} does not say its model.vocab_size", path));
  }
  reader_.check(expected_tensors(config_), CheckpointReader::Extra::refuse);
  for (const CheckpointReader::Entry& entry : reader_.tensors()) {
    for (const Slab& slab : entry.slabs) cuts_[entry.name].insert(slab.end(0));
  }
}

void CheckpointSource::read(const Param& param, const SliceUse& use) {
  const std::string name = stored_name(param);
  // A parameter in slices is read by the rows that were stored together, any other one whole.
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
