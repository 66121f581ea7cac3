// The block in which something is planned on an exec: ops check shapes and measure their scratch
// but compute nothing, and the collectives of mesh() are counted instead of made, so layers run as
// in a step and ask about neither.
#pragma once

#include "lib/dist/mesh.h"
#include "lib/tensor/exec.h"

namespace sy {

class PlanningScope {
 public:
  // Planned for the place that this rank has in `mesh`.
  PlanningScope(Exec& exec, const Mesh& mesh)
      : exec_(exec),
        outer_(exec.planning),
        mesh_(Mesh::planned(mesh.shape(), mesh.rank(), &traffic_)) {
    exec_.planning = true;
  }
  ~PlanningScope() { exec_.planning = outer_; }
  PlanningScope(const PlanningScope&) = delete;
  PlanningScope& operator=(const PlanningScope&) = delete;

  Mesh& mesh() { return mesh_; }
  // What was sent over mesh() so far, were it not planned.
  const Traffic& traffic() const { return traffic_; }

 private:
  Exec& exec_;
  bool outer_;
  Traffic traffic_;
  Mesh mesh_;
};

}  // namespace sy
