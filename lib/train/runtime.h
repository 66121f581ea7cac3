// SPDX-License-Identifier: Apache-2.0
// What a rank computes on: the exec (backend, threads, scratch) and the mesh of ranks. One per
// process; any number of models may run on it, in turn.
#pragma once

#include <memory>
#include <string>

#include "lib/config/run_config.h"
#include "lib/dist/mesh.h"
#include "lib/tensor/exec.h"

namespace sy {

// This rank's share of its node.
struct RankResources {
  int threads = 1;
  int local_rank = 0;  // among the ranks of the node: selects the GPU
  int local_ranks = 1;
};

// The mesh of the configuration on `ranks` ranks. Throws ConfigError listing every error in the
// configuration that can be found without the tokenizer.
MeshShape mesh_shape(const RunConfig& config, int ranks);

struct Runtime {
  // `world` must outlive it. Throws ConfigError if the backend is not available, if two ranks would
  // share a GPU, or if the mesh does not fit the number of ranks. If `counted` is given, which must
  // outlive it too, everything that the groups of the mesh send is added to it, on a GPU including
  // the bootstrap of NCCL (traffic.h). Collective over `world`.
  Runtime(Communicator& world, const RankResources& resources, BackendChoice backend,
          MeshShape shape, Traffic* counted = nullptr);
  // With the backend and mesh of the configuration.
  Runtime(const RunConfig& config, Communicator& world, const RankResources& resources,
          Traffic* counted = nullptr)
      : Runtime(world, resources, config.backend, mesh_shape(config, world.size()), counted) {}
  // For planning only: any rank of any mesh, without MPI.
  Runtime(MeshShape shape, int rank, Backend backend = Backend::cpu, int threads = 1);

  // A mesh of the same ranks and model groups for a second model, whose experts are spread over
  // `expert` data ranks. It must not outlive the runtime. Collective.
  Mesh mesh_with_experts_on(int expert);

  Exec exec;
  std::string backend_note;                     // for the log: "cpu (auto: no GPU is visible)"
  std::unique_ptr<Communicator> counted_world;  // null unless traffic is counted
  GroupMaker make_group;                        // of groups for tensors; empty if not needed
  Mesh mesh;
  bool planned = false;  // without MPI
};

}  // namespace sy
