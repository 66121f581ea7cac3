// SPDX-License-Identifier: Apache-2.0
#include "lib/train/runtime.h"

#include "lib/config/config.h"
#include "lib/dist/gpu_sharing.h"
#include "lib/dist/nccl/nccl_communicator.h"
#include "lib/tensor/cuda/cuda_device.h"

namespace sy {
namespace {

Backend choose_backend(BackendChoice choice) {
  if (choice == BackendChoice::cpu) return Backend::cpu;
  const std::string reason = why_no_cuda_device();
  if (reason.empty()) return Backend::cuda;
  if (choice == BackendChoice::automatic) return Backend::cpu;
  throw ConfigError(fmt::format("backend: cuda: {}; use backend: cpu or auto", reason));
}

// Sets up the exec; returns a note on the backend for the log.
std::string prepare(Exec& exec, BackendChoice choice, const RankResources& resources,
                    Communicator& world) {
  exec.backend = choose_backend(choice);
  exec.threads = resources.threads;
  const bool chosen = choice == BackendChoice::automatic;
  if (exec.backend == Backend::cpu) {
    return chosen ? fmt::format("cpu (auto: {})", why_no_cuda_device()) : "cpu";
  }
  exec.memory = MemoryKind::device;
  const std::string device = use_cuda_device(resources.local_rank);
  if (const std::string fault = gpu_sharing(world, resources.local_ranks); !fault.empty()) {
    throw ConfigError(fmt::format("backend: cuda: {}; or use backend: cpu", fault));
  }
  return fmt::format("cuda ({}{})", chosen ? "auto: " : "", device);
}

GroupMaker group_maker(Exec& exec, Traffic* counted) {
  if (exec.backend == Backend::cpu) return {};
  return [&exec, counted](Communicator& group) {
    auto made = make_nccl_communicator(group, exec);
    if (counted == nullptr) return made;
    return make_counting_communicator(std::move(made), *counted);
  };
}

}  // namespace

MeshShape mesh_shape(const RunConfig& config, int ranks) {
  throw_errors(find_errors(config));
  throw_errors(find_mesh_errors(config, ranks));
  MeshShape shape;
  shape.ranks = ranks;
  shape.model = static_cast<int>(config.mesh.model);
  shape.expert = static_cast<int>(expert_ranks(config, shape.data()));
  return shape;
}

Runtime::Runtime(Communicator& world, const RankResources& resources, BackendChoice backend,
                 MeshShape shape, Traffic* counted)
    : backend_note(prepare(exec, backend, resources, world)),
      counted_world(counted ? make_counting_communicator(world, *counted) : nullptr),
      make_group(group_maker(exec, counted)),
      mesh(counted ? *counted_world : world, shape, make_group) {}

Runtime::Runtime(MeshShape shape, int rank, Backend backend, int threads)
    : backend_note("planned"), mesh(Mesh::planned(shape, rank)), planned(true) {
  exec.backend = backend;
  exec.threads = threads;
}

Mesh Runtime::mesh_with_experts_on(int expert) {
  MeshShape shape = mesh.shape();
  shape.expert = expert;
  if (planned) return Mesh::planned(shape, mesh.rank());
  return {mesh.world(), shape, make_group};
}

}  // namespace sy
