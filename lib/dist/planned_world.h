// SPDX-License-Identifier: Apache-2.0
// The world of a mesh to plan against, and what a rank would call there, collective by collective.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "lib/dist/communicator.h"
#include "lib/dist/mesh_shape.h"
#include "lib/dist/traffic.h"

namespace sy {

// A collective as one rank of a group calls it. Its views end with the call.
struct PlannedCall {
  std::string_view group = {};       // its name
  int ranks = 1;                     // and size
  std::string_view collective = {};  // "all_reduce_sum", ... (traffic.h), or "barrier"
  std::string_view label = {};
  // What every rank of the group must have alike: the dtype, and elements: of the tensor, or of
  // what is sent; of a ragged all-to-all those of a row. Without data: float32 and 0.
  DType dtype = DType::f32;
  int64_t count = 0;
  int root = 0;
  std::span<const RowRange> pieces = {};
  // Of a ragged all-to-all, n blocks for each rank. What a rank sends, the other must expect.
  std::span<const RowRange> sends = {}, receives = {};
};

// Hears every collective of a planned rank, in order. Groups of one rank call nothing.
class CallListener {
 public:
  virtual ~CallListener() = default;
  virtual void on_call(const PlannedCall& call) = 0;
};

// Kept as state of an Exec: who hears what is planned on it (planning.h), if anyone. It must
// outlive the planning.
struct PlannedCalls {
  CallListener* listener = nullptr;
};

// The world as the rank at `place` sees it. It and the groups split off from it are planned
// (make_planned_communicator) and counted: `traffic` must outlive them, and so must `listener`,
// which may be null. It can be split into the groups of the mesh alone, by their names.
std::unique_ptr<Communicator> make_planned_world(const MeshPlace& place, Traffic& traffic,
                                                 CallListener* listener);

}  // namespace sy
