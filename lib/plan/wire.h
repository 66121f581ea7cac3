// SPDX-License-Identifier: Apache-2.0
// What a step puts on the wire, and how long that takes.
#pragma once

#include <map>
#include <string>

#include "lib/dist/mesh_shape.h"
#include "lib/dist/traffic.h"
#include "lib/measure/device.h"
#include "lib/model/param.h"

namespace sy {

// Bytes by collective, over all groups and labels.
std::map<std::string, int64_t> bytes_by_collective(const Traffic& traffic);

// Whether every group of this name is on one host: the ranks of a host are neighbours.
bool on_one_host(const std::string& group, const MeshShape& shape, int64_t ranks_per_host);

// Seconds that the calls of rank 0 take, one after another. Each costs a latency for every doubling
// of its group's ranks, an all-reduce two, and its bytes around a ring at the rate of the slowest
// link that a group of this name has: an all-reduce among n ranks moves 2 (n - 1) / n of the
// tensor, an all-gather n - 1 times what a rank hands in, and any other call what it hands in, as
// traffic.h counts it. Where owners' values are gathered in uneven pieces (ZeRO-1), rank 0's piece
// counts as an average one.
double wire_seconds(const Traffic& traffic, const MeshShape& shape, const ParamStore& params,
                    const Device& device);

}  // namespace sy
