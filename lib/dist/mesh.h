// A rank's groups in the data x expert x model mesh. world = data x model, model ranks are
// neighbours; experts are spread over `expert` consecutive data ranks and replicated over the rest
// (Fedus et al. 2022, section 5).
#pragma once

#include <functional>
#include <memory>

#include "lib/dist/communicator.h"
#include "lib/dist/placement.h"
#include "lib/dist/traffic.h"

namespace sy {

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

  const MeshPlace& place() const { return place_; }
  const MeshShape& shape() const { return place_.shape; }
  int rank() const { return place_.rank; }
  int data_rank() const { return place_.data_rank(); }
  int expert_rank() const { return place_.expert_rank(); }
  int replica() const { return place_.replica(); }
  int model_rank() const { return place_.model_rank(); }

  // For numbers in host memory.
  Communicator& world() { return world_; }
  Communicator& host_data() { return *data_.host; }  // all data ranks

  // For tensors of the exec's memory; each group in the order of the world.
  Communicator& data() { return *data_.tensors; }          // all data ranks of one model rank
  Communicator& expert() { return *expert_.tensors; }      // different experts: all-to-all
  Communicator& replicas() { return *replicas_.tensors; }  // the same experts
  Communicator& model() { return *model_.tensors; }        // parts of the same matrices

  // By placement (placement.h): the groups of reduction_ranks() and of ranks_along().
  Communicator& reduction_group(MeshAxes axes);
  Communicator& along(MeshAxis axis);

 private:
  struct Group {
    std::unique_ptr<Communicator> host, made;
    Communicator* tensors = nullptr;  // made; host where that serves
  };
  // Makes the group of these ranks, of which this one is one.
  using MakeGroup = std::function<Group(const std::vector<int>& ranks, const char* name)>;

  Mesh(MeshShape shape, int rank, std::unique_ptr<Communicator> world, const MakeGroup& make);
  void make_groups(const MakeGroup& make);

  std::unique_ptr<Communicator> own_world_;  // of a planned mesh
  Communicator& world_;
  MeshPlace place_;
  Group data_, expert_, replicas_, model_;
};

}  // namespace sy
