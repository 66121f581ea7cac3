#include "lib/train/session.h"

#include <fmt/ranges.h>

#include "kernels/gemm.h"
#include "lib/base/log.h"
#include "lib/base/numeric.h"
#include "lib/config/config.h"
#include "lib/dist/nccl_communicator.h"
#include "lib/tensor/cuda_device.h"

namespace sy {
namespace {

void throw_faults(const std::vector<std::string>& faults) {
  if (!faults.empty()) throw ConfigError(fmt::format("{}", fmt::join(faults, "\n")));
}

// The configuration with everything that ranks and tokenizer decide filled in.
RunConfig resolved(RunConfig config, int ranks, const Tokenizer* tokenizer) {
  throw_faults(find_faults(config));
  throw_faults(find_mesh_faults(config, ranks));
  resolve_config(config, tokenizer == nullptr ? 0 : tokenizer->size());
  if (tokenizer != nullptr && config.model.vocab_size.value < tokenizer->size()) {
    throw ConfigError(
        fmt::format("model.vocab_size: {} is less than the tokenizer's {} pieces and sentinels; "
                    "write auto or a larger number",
                    config.model.vocab_size.value, tokenizer->size()));
  }
  if (config.model.vocab_size.is_auto) {
    throw ConfigError(
        "model.vocab_size: auto needs the tokenizer of data.tokenizer; give a number");
  }
  return config;
}

std::shared_ptr<const Tokenizer> open_tokenizer(const DataSection& data, bool needed) {
  return needed ? std::make_shared<const Tokenizer>(data.tokenizer, data.extra_ids) : nullptr;
}

MeshShape mesh_shape(const RunConfig& config, int ranks) {
  MeshShape shape;
  shape.ranks = ranks;
  shape.model = static_cast<int>(config.mesh.model);
  shape.expert = static_cast<int>(expert_ranks(config, shape.data()));
  return shape;
}

ModelShape model_shape(const RunConfig& config) {
  return {config.train.micro_batch, config.data.encoder_length, config.data.decoder_length.value};
}

DType activation_dtype(Precision precision, Backend backend) {
  if (precision == Precision::float32) return DType::f32;
  const Bfloat16Products products = bfloat16_products(backend);
  if (products == Bfloat16Products::none) {
    throw ConfigError(
        "precision: bfloat16 needs a processor with AVX-512, which this one lacks; use float32");
  }
  if (products == Bfloat16Products::emulated) {
    log::warn("this processor emulates bfloat16 products: precision: float32 would be faster");
  }
  return DType::bf16;
}

Backend choose_backend(BackendChoice choice) {
  if (choice == BackendChoice::cpu) return Backend::cpu;
  const std::string reason = why_no_cuda_device();
  if (reason.empty()) return Backend::cuda;
  if (choice == BackendChoice::automatic) return Backend::cpu;
  throw ConfigError(fmt::format("backend: cuda: {}; use backend: cpu or auto", reason));
}

// Sets up the exec and says what was chosen.
std::string prepare(Exec& exec, BackendChoice choice, const RankResources& resources) {
  exec.backend = choose_backend(choice);
  exec.threads = resources.threads;
  const bool chosen = choice == BackendChoice::automatic;
  if (exec.backend == Backend::cpu) {
    return chosen ? fmt::format("cpu (auto: {})", why_no_cuda_device()) : "cpu";
  }
  exec.memory = MemoryKind::device;
  return fmt::format("cuda ({}{})", chosen ? "auto: " : "", use_cuda_device(resources.local_rank));
}

GroupMaker group_maker(Exec& exec) {
  if (exec.backend == Backend::cpu) return {};
  return [&exec](Communicator& group) { return make_nccl_communicator(group, exec); };
}

}  // namespace

Session::Session(RunConfig given, Communicator& world, const RankResources& resources,
                 bool training, bool needs_tokenizer, std::optional<ModelShape> shape)
    : tokenizer(open_tokenizer(given.data, needs_tokenizer)),
      config(resolved(std::move(given), world.size(), tokenizer.get())),
      backend_note(prepare(exec, config.backend, resources)),
      mesh(world, mesh_shape(config, world.size()), group_maker(exec)),
      model(config.model, shape.value_or(model_shape(config)), mesh,
            activation_dtype(config.precision, exec.backend), training) {}

int64_t Session::sequences_per_rank() const {
  return div_exact(config.train.global_batch, mesh.shape().data());
}

LoaderPlace Session::loader_place(int64_t batch) {
  LoaderPlace place;
  place.total_streams = config.data.streams;
  place.num_streams = div_exact(place.total_streams, mesh.shape().data());
  place.first_stream = place.num_streams * mesh.data_rank();
  place.examples_per_stream = div_exact(batch, place.total_streams);
  return place;
}

}  // namespace sy
