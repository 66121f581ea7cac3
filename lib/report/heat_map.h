// SPDX-License-Identifier: Apache-2.0
// What a router's layers did over the steps of a run: a row for each layer, a column for each
// stretch of steps, darker (in the dark: brighter) for larger values.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lib/report/router_history.h"

namespace sy::report {

struct HeatMap {
  std::string id;        // unique in the page: letters, digits and hyphens
  std::string title;     // plain text
  std::string quantity;  // "fullest expert / mean"
  size_t field = 0;      // of kRouterFields
};

// The bounds between levels of colour: kLevels + 1 values, ascending. Maps of several runs that are
// to be compared share them. Every history counts.
constexpr size_t kLevels = 7;
std::vector<double> level_bounds(const std::vector<const RouterHistory*>& histories, size_t field);

// The level of a finite value within the bounds.
size_t level_of(double value, const std::vector<double>& bounds);

std::string heat_map_html(const HeatMap& map, const RouterHistory& history,
                          const std::vector<double>& bounds);

// "encoder/layers/1/self_attention": enc 1 attention.
std::string short_layer_name(const std::string& layer);

}  // namespace sy::report
