// SPDX-License-Identifier: Apache-2.0
#include "lib/train/session.h"

#include "kernels/gemm/gemm.h"
#include "lib/base/numeric.h"
#include "lib/config/config.h"
#include "lib/config/step_lengths.h"

namespace sy {
namespace {

// The configuration with everything filled in that depends on ranks and tokenizer.
RunConfig resolved(RunConfig config, int ranks, const Tokenizer* tokenizer) {
  throw_errors(find_errors(config));
  throw_errors(find_mesh_errors(config, ranks));
  resolve_config(config, tokenizer == nullptr ? TokenizerInfo(0) : tokenizer->info());
  if (tokenizer != nullptr && config.model.vocab_size.value < tokenizer->size()) {
    throw ConfigError(
        fmt::format("model.vocab_size: {} is less than the tokenizer's {} pieces and sentinels; "
                    "use auto or a larger number",
                    config.model.vocab_size.value, tokenizer->size()));
  }
  if (config.model.vocab_size.is_auto) {
    throw ConfigError("model.vocab_size: auto requires data.tokenizer; set a number instead");
  }
  return config;
}

// Evaluations are at full length.
ModelShape model_shape(const RunConfig& config, bool training) {
  const auto [inputs, targets] = step_lengths(config);
  return {config.train.micro_batch,
          inputs.full,
          targets.full,
          config.train.recompute,
          config.mesh.sequence_parallel,
          training ? inputs.unit : 0,
          training ? targets.unit : 0};
}

DType activation_dtype(Precision precision) {
  return precision == Precision::float32 ? DType::f32 : DType::bf16;
}

}  // namespace

Session::Session(Runtime& runtime_, RunConfig given, std::shared_ptr<const Tokenizer> tokenizer_,
                 bool training, std::optional<ModelShape> shape)
    : Session(runtime_, runtime_.mesh, std::move(given), std::move(tokenizer_), training, shape) {}

Session::Session(Runtime& runtime_, Mesh& mesh_, RunConfig given,
                 std::shared_ptr<const Tokenizer> tokenizer_, bool training,
                 std::optional<ModelShape> shape)
    : runtime(runtime_),
      exec(runtime_.exec),
      mesh(mesh_),
      tokenizer(std::move(tokenizer_)),
      config(resolved(std::move(given), mesh.shape().ranks, tokenizer.get())),
      model(config.model, shape.value_or(model_shape(config, training)), mesh,
            activation_dtype(config.precision), training,
            training && config.mesh.zero_stage == 1 ? UpdatedBy::one_owner
                                                    : UpdatedBy::every_holder) {}

int64_t Session::sequences_per_rank() const {
  return div_exact(config.train.global_batch, mesh.shape().data());
}

int64_t Session::micro_batches() const {
  return ceil_div(sequences_per_rank(), config.train.micro_batch);
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
