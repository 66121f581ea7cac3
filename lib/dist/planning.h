// SPDX-License-Identifier: Apache-2.0
// While a PlanningScope lives, the exec plans: operations check shapes and record their scratch but
// compute nothing, and collectives on mesh() are counted, not performed. Layers run the same code
// as in a step and need not know. Whoever wants to hear each call sets the PlannedCalls of the
// exec.
#pragma once

#include "lib/dist/mesh.h"
#include "lib/dist/planned_world.h"
#include "lib/tensor/exec.h"

namespace sy {

class PlanningScope {
 public:
  // Plans for the place that this rank has in `mesh`.
  PlanningScope(Exec& exec, const Mesh& mesh)
      : exec_(exec),
        outer_(exec.planning),
        world_(make_planned_world(mesh.place(), traffic_, exec.state<PlannedCalls>().listener)),
        mesh_(*world_, mesh.shape()) {
    exec_.planning = true;
  }
  ~PlanningScope() { exec_.planning = outer_; }
  PlanningScope(const PlanningScope&) = delete;
  PlanningScope& operator=(const PlanningScope&) = delete;

  Mesh& mesh() { return mesh_; }
  // What mesh() would have sent so far.
  const Traffic& traffic() const { return traffic_; }

 private:
  Exec& exec_;
  bool outer_;
  Traffic traffic_;
  std::unique_ptr<Communicator> world_;
  Mesh mesh_;
};

}  // namespace sy
