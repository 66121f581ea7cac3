// Where a rank stands in the data x expert x model mesh. world = data x model, model ranks are
// neighbours; experts are spread over `expert` consecutive data ranks and replicated over the rest
// (Fedus et al. 2022, section 5).
#pragma once

#include <functional>
#include <memory>

#include "lib/dist/communicator.h"
#include "lib/dist/traffic.h"

namespace sy {

struct MeshShape {
  int ranks = 1;
  int model = 1;   // model ranks; 1 until the model axis is built
  int expert = 1;  // data ranks that share one set of experts; divides data()
  int data() const { return ranks / model; }
  int replicas() const { return data() / expert; }  // copies of each expert
};

// Makes, of a group of ranks that talk through host memory, the same group for the memory that
// tensors are computed in. Collective over the group.
using GroupMaker = std::function<std::unique_ptr<Communicator>(Communicator& group)>;

class Mesh {
 public:
  // Collective over `world`, which must outlive the mesh. `for_tensors` where tensors do not lie in
  // host memory; groups of one rank need no making.
  Mesh(Communicator& world, MeshShape shape, const GroupMaker& for_tensors = {});

  // The place of `rank` in a mesh of this shape, its groups planned (planned_communicator.h): any
  // rank of any mesh in one process, without MPI. What its groups would send is added to `traffic`,
  // which must outlive it.
  static Mesh planned(MeshShape shape, int rank, Traffic* traffic = nullptr);

  const MeshShape& shape() const { return shape_; }
  int rank() const { return world_.rank(); }
  int data_rank() const { return world_.rank() / shape_.model; }
  int expert_rank() const { return data_rank() % shape_.expert; }
  int replica() const { return data_rank() / shape_.expert; }

  // For numbers in host memory.
  Communicator& world() { return world_; }
  Communicator& host_data() { return *host_data_; }  // all data ranks

  // For tensors of the exec's memory.
  Communicator& data() { return *data_; }      // all data ranks: replicated gradients
  Communicator& expert() { return *expert_; }  // ranks that hold different experts: all-to-all
  Communicator& replicas() {
    return *replicas_;
  }  // ranks that hold the same experts: their gradients

 private:
  // Makes this rank's group of that name.
  using PlannedGroup =
      std::function<std::unique_ptr<Communicator>(const char* name, int rank, int size)>;
  Mesh(MeshShape shape, int rank, const PlannedGroup& group);

  std::unique_ptr<Communicator> own_world_;  // of a planned mesh
  Communicator& world_;
  MeshShape shape_;
  std::unique_ptr<Communicator> host_data_, host_expert_, host_replicas_;
  std::unique_ptr<Communicator> made_data_, made_expert_, made_replicas_;
  Communicator *data_, *expert_, *replicas_;
};

}  // namespace sy
