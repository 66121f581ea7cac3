// SPDX-License-Identifier: Apache-2.0
#include "lib/model/initialisation.h"

#include <cmath>

namespace sy {

Init matrix_init(const ModelSection& model, double fan_in) {
  return {Init::Kind::truncated_normal, std::sqrt(model.init_scale / fan_in)};
}

Init attention_init(const ModelSection& model, double fan_in) {
  const AutoNumber& s = model.initialisation.attention;
  if (s.is_auto) return matrix_init(model, fan_in);
  return {Init::Kind::normal, std::sqrt(s.value / fan_in)};
}

Init experts_init(const ModelSection& model, double fan_in) {
  Init init = matrix_init(model, fan_in);
  if (model.initialisation.experts == ExpertValues::normal) init.kind = Init::Kind::normal;
  return init;
}

Init router_init(const ModelSection& model) {
  const AutoNumber& std = model.initialisation.router;
  if (std.is_auto) return matrix_init(model, static_cast<double>(model.d_model));
  return {Init::Kind::normal, std.value};
}

Init relative_bias_init(const ModelSection& model) {
  const AutoNumber& s = model.initialisation.relative_bias;
  if (s.is_auto) {
    return {Init::Kind::normal, std::sqrt(model.init_scale / static_cast<double>(model.d_model))};
  }
  const double mean_fan = static_cast<double>(model.relative_buckets + model.num_heads) / 2;
  return {Init::Kind::uniform, std::sqrt(s.value / mean_fan)};
}

}  // namespace sy
