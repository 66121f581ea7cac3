// SPDX-License-Identifier: Apache-2.0
// The description of a device and its network from which the time of a step is estimated.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/json.h"

namespace sy {

// A message of n bytes takes latency + n / rate.
struct Link {
  double latency_seconds = 0;
  double bytes_per_second = 0;
};

constexpr std::array<int64_t, 6> kProductWidths{32, 64, 128, 256, 512, 1024};
constexpr std::array<double, 3> kWaitIntervals{1e-3, 4e-3, 16e-3};  // seconds

struct Device {
  std::string name;
  bool gpu = false;
  double memory_bytes = 0;        // that a rank has
  double float32_flops = 0;       // of dense products, a rank
  double bfloat16_flops = 0;      // 0: not supported
  double product_efficiency = 1;  // share of those rates that a step's large products reach
  // What products of kProductWidths reach of that again; empty: all of it. The width of a product
  // is the geometric mean of the two smaller of its three sizes.
  std::vector<double> narrow_products;
  double attention_efficiency = 0;     // of the products inside attention; 0: product_efficiency
  double memory_bytes_per_second = 0;  // that a step reaches
  // What activations and an update's values pass through it at; 0: at the rate above.
  double activation_bytes_per_second = 0, update_bytes_per_second = 0;
  // Attention and activations of a model with dropout; 0: as without.
  double dropout_attention_efficiency = 0, dropout_activation_bytes_per_second = 0;
  // That a rank has in the host's memory beside what is planned: program, libraries, and what they
  // allocate. 0: not known.
  double unplanned_bytes = 0;
  // Seconds that ranks wait for each other at a call after computing for kWaitIntervals; empty: not
  // known, none.
  std::vector<double> call_waits;
  int64_t ranks_per_host = 1;
  Link within_host, between_hosts;  // as a rank sees them in a collective
  std::string source;               // "data sheet; efficiencies assumed"; "not stated"
};

// The device of this name ("H100", in any case; lists them in its error), or that of a description
// file in YAML or JSON, which is what a name with a dot or a slash means, and any other that is not
// known. Throws ConfigError naming the nearest known name, or file, place, key and remedy.
Device find_device(const std::string& name);

// A description as `find_device` reads it. Keys in the file's order.
Json device_json(const Device& device);

}  // namespace sy
