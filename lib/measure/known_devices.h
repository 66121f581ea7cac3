// SPDX-License-Identifier: Apache-2.0
// Devices that need no description file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/measure/device.h"

namespace sy {

// GPUs, eight to a host, with the rates of their data sheets (datasheet.h). What a step reaches of
// them is assumed: 60 % of the products' rate, 80 % of the memory's and 70 % of the links'.
std::vector<Device> known_devices();

// That of the GPU of this name, as CUDA gives it. Other cards of a family, such as an H100 PCIe or
// a GH200, have other rates and other memory: of them nothing is known.
std::optional<Device> known_device_of(const std::string& gpu);

}  // namespace sy
