// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/parts.h"

#include <algorithm>
#include <cmath>

namespace sy {
namespace {

constexpr const char* kNames[kModelParts] = {"embeddings", "attention", "dense_ffn", "experts",
                                             "routers",    "norms",     "head"};

bool contains(const std::string& text, const char* word) {
  return text.find(word) != std::string::npos;
}

ModelPart part_of(const Param& param) {
  const std::string& name = param.name;
  if (param.placement.cut_by(MeshAxis::expert)) return ModelPart::experts;
  if (name == "shared/embedding") return ModelPart::embeddings;
  if (name == "lm_head") return ModelPart::head;
  if (name.ends_with("norm")) return ModelPart::norms;
  if (contains(name, "/router")) return ModelPart::routers;
  if (contains(name, "attention/") || name.ends_with("/relative_bias")) return ModelPart::attention;
  SY_CHECK(contains(name, "/ffn/") || contains(name, "/moe/"), "{} is of no known part", name);
  return ModelPart::dense_ffn;
}

int64_t experts_per_token(const ExpertsSection& experts) {
  const int64_t many = experts.routing == Routing::expert_choice
                           ? std::max<int64_t>(1, std::llround(experts.capacity_factor))
                           : experts.top_k;
  return std::min(many, experts.count);
}

}  // namespace

const char* name_of(ModelPart part) {
  return kNames[static_cast<size_t>(part)];
}

ParameterCount count_parameters(const ParamStore& params, const ExpertsSection& experts) {
  ParameterCount count;
  for (const Param& param : params.all()) {
    const int64_t size = param.shape.numel();
    const ModelPart part = part_of(param);
    count.total += size;
    count.of_part[static_cast<size_t>(part)] += size;
    const bool routed = part == ModelPart::experts;
    count.active += routed ? size / experts.count * experts_per_token(experts) : size;
  }
  return count;
}

}  // namespace sy
