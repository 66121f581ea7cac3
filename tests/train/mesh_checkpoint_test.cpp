// SPDX-License-Identifier: Apache-2.0
// A checkpoint of each mesh on the ranks of the test, loaded on each of the others and on one rank
// alone: every tensor of model and optimiser has the same bits, and the next step the same loss.
#include <catch2/catch.hpp>
#include <cstring>

#include "kernels/gemm/gemm.h"
#include "lib/tensor/bfloat16.h"
#include "lib/tensor/transfer.h"
#include "lib/train/checkpointing.h"
#include "tests/support/shared_files.h"
#include "tests/train/alone.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

// With factor_from 32, routers and relative biases are not factored, all other matrices are.
std::vector<std::string> on_mesh(const MeshShape& mesh, const std::string& optimizer,
                                 int factor_from = 32, int zero = 0) {
  return {"optimizer.name=" + optimizer,
          fmt::format("optimizer.factor_from={}", factor_from),
          "optimizer.warmup_steps=10",
          "data.encoder_length=16",
          "train.global_batch=8",
          "train.micro_batch=2",
          "model.activation=geglu",
          "model.tie_embeddings=false",
          "model.experts.balance_bias=0.01",
          "model.experts.shared_expert=32",
          "model.experts.attention.decoder=[1]",
          fmt::format("mesh.expert={}", mesh.expert),
          fmt::format("mesh.model={}", mesh.model),
          fmt::format("mesh.zero_stage={}", zero)};
}

std::vector<MeshShape> meshes() {
  std::vector<MeshShape> shapes;
  const int ranks = test_world().size();
  for (int model = 1; model <= ranks; model *= 2) {
    for (int expert = 1; expert <= ranks / model; expert *= 2) {
      shapes.push_back({ranks, model, expert});
    }
  }
  return shapes;
}

std::vector<char> host_bytes(Exec& exec, Tensor tensor) {
  std::vector<char> bytes(static_cast<size_t>(tensor.bytes()));
  download(exec, Tensor(bytes.data(), tensor.dtype(), tensor.shape()), tensor);
  return bytes;
}

CheckpointMeta meta_of(int64_t step) {
  return {.step = step,
          .config_yaml = "run: {name: none}",
          .state_json = R"({"tokens": 0, "seed": 1})",
          .streams = {},
          .attempt = {}};
}

// Writes and commits the checkpoint of these steps into `folder`. Collective.
std::string save(Steps& steps, const std::string& folder, int64_t number) {
  Communicator& world = test_world();
  CheckpointWriter writer(folder, world.rank(), world.size(), 0);
  writer.start(checkpoint_tensors(steps.session, &steps.train_step.optimizer()), meta_of(number),
               checkpoint_copy_out(steps.session.exec));
  writer.wait_ready();
  world.barrier("shards");
  writer.commit();
  world.barrier("commit");
  return fmt::format("{}/step-{:08}", folder, number);
}

// The whole tensors of a checkpoint by name, as one rank alone reads them.
std::map<std::string, std::vector<char>> read_alone(const RunConfig& config,
                                                    const std::string& path) {
  AloneAtStart alone(config, false);
  restore_tensors(alone.session, alone.train_step.optimizer(), CheckpointReader(path));
  std::map<std::string, std::vector<char>> whole;
  for (const CheckpointTensor& tensor :
       checkpoint_tensors(alone.session, &alone.train_step.optimizer())) {
    whole[tensor.name] = host_bytes(alone.session.exec, tensor.local);
  }
  return whole;
}

void check_bits(Steps& steps, const std::map<std::string, std::vector<char>>& whole) {
  const auto tensors = checkpoint_tensors(steps.session, &steps.train_step.optimizer());
  REQUIRE(tensors.size() == whole.size());
  for (const CheckpointTensor& tensor : tensors) {
    CAPTURE(tensor.name);
    const std::vector<char> local = host_bytes(steps.session.exec, tensor.local);
    const char* all = whole.at(tensor.name).data();
    const size_t size = size_of(tensor.local.dtype());
    int64_t differences = 0;
    for (int64_t i = 0; i < tensor.slab.numel(); ++i) {
      const auto at = static_cast<size_t>(index_in_whole(tensor.slab, tensor.global, i));
      const char* mine = local.data() + static_cast<size_t>(i) * size;
      differences += std::memcmp(mine, all + at * size, size) != 0 ? 1 : 0;
    }
    CHECK(differences == 0);
  }
}

// What the passes read, of all that a rank holds, is what the checkpoint has or that in bfloat16.
void check_values(Steps& steps, const std::map<std::string, std::vector<char>>& whole) {
  steps.train_step.complete_values();
  for (const Param& param : steps.session.model.params().all()) {
    CAPTURE(param.name);
    const auto* all = reinterpret_cast<const float*>(whole.at("parameters/" + param.name).data());
    const std::vector<char> bytes = host_bytes(steps.session.exec, param.compute);
    int64_t differences = 0;
    for (int64_t i = 0; i < param.slab.numel(); ++i) {
      const float expected = all[index_in_whole(param.slab, param.shape, i)];
      if (param.compute.dtype() == DType::f32) {
        differences += reinterpret_cast<const float*>(bytes.data())[i] != expected ? 1 : 0;
      } else {
        differences +=
            reinterpret_cast<const uint16_t*>(bytes.data())[i] != bfloat16_bits(expected);
      }
    }
    CHECK(differences == 0);
  }
}

std::string shared_folder() {
  std::string folder;
  if (test_world().rank() == 0) folder = temporary_folder();
  auto size = static_cast<int32_t>(folder.size());
  test_world().broadcast(Tensor(&size, DType::i32, {1}), 0, "size of a text");
  std::vector<int32_t> letters(folder.begin(), folder.end());
  letters.resize(static_cast<size_t>(size));
  test_world().broadcast(Tensor(letters.data(), DType::i32, {size}), 0, "a text");
  return {letters.begin(), letters.end()};
}

TEST_CASE("mesh_checkpoint: saved on one mesh and loaded on another", "[mesh_checkpoint]") {
  const std::string optimizer = GENERATE("adafactor", "adamw");
  const bool slow = test_backend() == Backend::cuda;
  if (slow && optimizer == "adamw") return;
  const std::string folder = shared_folder();
  const std::vector<MeshShape> shapes = meshes();
  for (size_t a = 0; a < shapes.size(); ++a) {
    // Every second mesh saves what its ranks own alone, with each optimiser the others.
    const int zero = (a + (optimizer == "adamw" ? 1 : 0)) % 2;
    Steps saved(test_backend(), on_mesh(shapes[a], optimizer, 32, zero));
    saved.fill();
    saved.run();
    const std::string path = save(saved, folder, static_cast<int64_t>(a) + 1);
    const auto whole = read_alone(saved.session.config, path);
    check_bits(saved, whole);
    check_values(saved, whole);
    saved.fill();
    const StepResult expected = saved.run();
    for (size_t b = 0; b < shapes.size(); ++b) {
      if (slow && b + a + 1 != shapes.size()) continue;  // each with one other
      CAPTURE(optimizer, shapes[a].model, shapes[a].expert, shapes[b].model, shapes[b].expert);
      Steps loaded(test_backend(), on_mesh(shapes[b], optimizer, 32, (zero + b + 1) % 2));
      restore_tensors(loaded.session, loaded.train_step.optimizer(), CheckpointReader(path));
      check_bits(loaded, whole);
      check_values(loaded, whole);
      loaded.step = 1;
      loaded.fill();
      const StepResult result = loaded.run();
      CHECK(result.loss == Approx(expected.loss).epsilon(2e-5));
      CHECK(result.grad_norm == Approx(expected.grad_norm).epsilon(1e-4));
    }
  }
}

// Master weights that only their owners have.
TEST_CASE("mesh_checkpoint: of a bfloat16 run, loaded in float32 too", "[mesh_checkpoint]") {
  const std::string folder = shared_folder();
  const auto with = [&](const MeshShape& mesh, int zero, const std::string& precision) {
    std::vector<std::string> overrides = on_mesh(mesh, "adafactor", 32, zero);
    overrides.push_back("precision=" + precision);
    return overrides;
  };
  const std::vector<MeshShape> shapes = meshes();
  int64_t number = 0;
  for (const MeshShape& shape : {shapes.front(), shapes[shapes.size() / 2]}) {
    CAPTURE(shape.model, shape.expert);
    Steps saved(test_backend(), with(shape, 1, "bfloat16"));
    saved.fill();
    saved.run();
    const std::string path = save(saved, folder, ++number);
    const auto whole = read_alone(tiny_config(test_backend(), with({1, 1, 1}, 0, "float32")), path);
    check_bits(saved, whole);
    check_values(saved, whole);
    for (const auto& [zero, precision] :
         {std::pair(0, "bfloat16"), std::pair(1, "bfloat16"), std::pair(1, "float32")}) {
      CAPTURE(zero, precision);
      Steps loaded(test_backend(), with(shapes.back(), zero, precision));
      restore_tensors(loaded.session, loaded.train_step.optimizer(), CheckpointReader(path));
      check_bits(loaded, whole);
      check_values(loaded, whole);
    }
  }
}

// Versions before the model axis stored a second moment [n, m] as [1, n * m], and that of experts
// [E, n, m] as [E, n * m].
TEST_CASE("mesh_checkpoint: second moments as earlier versions stored them", "[mesh_checkpoint]") {
  if (test_world().size() > 1 || test_backend() == Backend::cuda) return;
  constexpr int kNone = 1000;  // factors nothing
  const std::string folder = temporary_folder();
  Steps saved(test_backend(), on_mesh({1, 1, 1}, "adafactor", kNone));
  saved.fill();
  saved.run();
  auto tensors = checkpoint_tensors(saved.session, &saved.train_step.optimizer());
  int flattened = 0;
  for (CheckpointTensor& tensor : tensors) {
    const int rank = tensor.global.rank();
    if (!tensor.name.ends_with("/second") || tensor.global[0] == 1 || rank < 2) continue;
    const int64_t slices = rank == 3 ? tensor.global[0] : 1;
    const Shape flat{slices, tensor.global.numel() / slices};
    tensor = whole_tensor(tensor.name, tensor.local.view(flat));
    ++flattened;
  }
  REQUIRE(flattened > 2);
  CheckpointWriter writer(folder, 0, 1, 0);
  writer.start(tensors, meta_of(1));
  writer.wait_ready();
  writer.commit();
  Steps loaded(test_backend(), on_mesh({1, 1, 1}, "adafactor", kNone));
  restore_tensors(loaded.session, loaded.train_step.optimizer(),
                  CheckpointReader(folder + "/step-00000001"));
  std::map<std::string, std::vector<char>> whole;
  for (const CheckpointTensor& tensor :
       checkpoint_tensors(saved.session, &saved.train_step.optimizer())) {
    whole[tensor.name] = host_bytes(saved.session.exec, tensor.local);
  }
  check_bits(loaded, whole);
}

}  // namespace
}  // namespace sy
