// What a rank computes with, whatever it computes: the exec (backend, threads, scratch) and the
// mesh of ranks. Made once in a process; any number of models run on it, in turn.
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
};

// The mesh that the configuration asks for on so many ranks. Throws ConfigError with every fault of
// the configuration that needs no tokenizer.
MeshShape mesh_shape(const RunConfig& config, int ranks);

struct Runtime {
  // Collective over `world`, which must outlive it. Throws ConfigError where the backend is not to
  // be had or the mesh does not fit the ranks. What its groups send is added to `counted`, which
  // must outlive it (counting_communicator.h; on a GPU the start of NCCL too).
  Runtime(Communicator& world, const RankResources& resources, BackendChoice backend,
          MeshShape shape, Traffic* counted = nullptr);
  // As the configuration asks for it.
  Runtime(const RunConfig& config, Communicator& world, const RankResources& resources,
          Traffic* counted = nullptr)
      : Runtime(world, resources, config.backend, mesh_shape(config, world.size()), counted) {}
  // For planning alone: the place of `rank` in any mesh, without MPI.
  Runtime(MeshShape shape, int rank, Backend backend = Backend::cpu, int threads = 1);

  Exec exec;
  std::string backend_note;                     // for the log: "cpu (auto: no GPU is visible)"
  std::unique_ptr<Communicator> counted_world;  // null where nothing is counted
  Mesh mesh;
};

}  // namespace sy
