// SPDX-License-Identifier: Apache-2.0
// A rank's groups in the data x expert x model mesh. The world is data x model ranks, with the
// ranks of a model group adjacent. Experts are spread over `expert` consecutive data ranks and
// replicated across the rest (Fedus et al. 2022, section 5).
#pragma once

#include <functional>
#include <memory>

#include "lib/dist/communicator.h"
#include "lib/dist/placement.h"
#include "lib/dist/traffic.h"

namespace sy {

// Given a group that communicates through host memory, makes the same group for the memory that
// tensors live in. Collective over the group.
using GroupMaker = std::function<std::unique_ptr<Communicator>(Communicator& group)>;

class Mesh {
 public:
  // Collective over `world`, which must outlive the mesh. `for_tensors` is needed if tensors are
  // not in host memory; it is not called for groups of one rank.
  Mesh(Communicator& world, MeshShape shape, const GroupMaker& for_tensors = {});

  // The mesh as `rank` sees it, with planned groups (make_planned_communicator): any rank of any
  // mesh, in one process and without MPI. What its groups would send is added to `traffic`, which
  // must outlive it.
  static Mesh planned(MeshShape shape, int rank, Traffic* traffic = nullptr);

  const MeshPlace& place() const { return place_; }
  const MeshShape& shape() const { return place_.shape; }
  int rank() const { return place_.rank; }
  int data_rank() const { return place_.data_rank(); }
  int expert_rank() const { return place_.expert_rank(); }
  int replica() const { return place_.replica(); }
  int model_rank() const { return place_.model_rank(); }

  // For values in host memory.
  Communicator& world() { return world_; }
  Communicator& host_data() { return *data_.host; }  // all data ranks

  // For tensors in the exec's memory. Ranks of each group are in world order.
  Communicator& data() { return *data_.tensors; }          // all data ranks of one model rank
  Communicator& expert() { return *expert_.tensors; }      // hold different experts: all-to-all
  Communicator& replicas() { return *replicas_.tensors; }  // hold the same experts
  Communicator& model() { return *model_.tensors; }        // hold shards of the same matrices

  // The groups of reduction_ranks() and ranks_along() in placement.h.
  Communicator& reduction_group(MeshAxes axes);
  Communicator& along(MeshAxis axis);

 private:
  struct Group {
    std::unique_ptr<Communicator> host, made;
    Communicator* tensors = nullptr;  // made, or host if none was made
  };
  // Makes the group of `ranks`, which include this one.
  using MakeGroup = std::function<Group(const std::vector<int>& ranks, const char* name)>;

  Mesh(MeshShape shape, int rank, std::unique_ptr<Communicator> world, const MakeGroup& make);
  void make_groups(const MakeGroup& make);

  std::unique_ptr<Communicator> own_world_;  // of a planned mesh
  Communicator& world_;
  MeshPlace place_;
  Group data_, expert_, replicas_, model_;
};

}  // namespace sy
