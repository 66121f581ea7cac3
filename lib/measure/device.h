// SPDX-License-Identifier: Apache-2.0
// The description of a device and its network from which the time of a step is estimated.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/json.h"

namespace sy {

// A message of n bytes takes latency + n / rate.
struct Link {
  double latency_seconds = 0;
  double bytes_per_second = 0;
};

struct Device {
  std::string name;
  bool gpu = false;
  double memory_bytes = 0;             // that a rank has
  double float32_flops = 0;            // of dense products, a rank
  double bfloat16_flops = 0;           // 0: not supported
  double product_efficiency = 1;       // share of those rates that a step's products reach
  double memory_bytes_per_second = 0;  // that a step reaches
  int64_t ranks_per_host = 1;
  Link within_host, between_hosts;  // as a rank sees them in a collective
  std::string source;               // "data sheet; efficiencies assumed"
};

// The device of this name ("H100", in any case; lists them in its error), or that of a description
// file in YAML or JSON, if `name` contains a dot or a slash. Throws ConfigError naming the nearest
// known name, or file, key and remedy.
Device find_device(const std::string& name);

// A description as `find_device` reads it. Keys in the file's order.
Json device_json(const Device& device);

}  // namespace sy
