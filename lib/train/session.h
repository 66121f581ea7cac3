// SPDX-License-Identifier: Apache-2.0
// A model on a runtime, with its configuration and tokenizer: what pretrain, evaluate, infill and
// bench have in common.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/config/run_config.h"
#include "lib/data/loader.h"
#include "lib/model/switch_model.h"
#include "lib/train/runtime.h"

namespace sy {

struct Session {
  // Resolves `config` with the tokenizer (null if none is needed) and the number of ranks; throws
  // ConfigError listing every error. Backend and mesh are those of the runtime, which must outlive
  // this. The model is declared but not planned; its shape is `shape`, or by default the
  // micro-batch of the configuration.
  Session(Runtime& runtime, RunConfig config, std::shared_ptr<const Tokenizer> tokenizer,
          bool training, std::optional<ModelShape> shape = {});
  // On another mesh of the runtime's ranks, which must outlive this.
  Session(Runtime& runtime, Mesh& mesh, RunConfig config,
          std::shared_ptr<const Tokenizer> tokenizer, bool training,
          std::optional<ModelShape> shape = {});

  Runtime& runtime;
  Exec& exec;                                  // of the runtime
  Mesh& mesh;                                  // of the runtime, or another
  std::shared_ptr<const Tokenizer> tokenizer;  // null if not needed
  RunConfig config;                            // resolved
  SwitchModel model;

  int64_t sequences_per_rank() const;  // of the global batch
  int64_t micro_batches() const;       // per rank and step
  // The part of a global batch of `batch` sequences that this rank loads. The ranks of a model
  // group each read the same text: nothing has to be sent, and none of them waits for another.
  LoaderPlace loader_place(int64_t batch);
  // Whether this rank, of those of its model group, counts the batch and saves its position.
  bool counts_batch() const { return mesh.model_rank() == 0; }
};

}  // namespace sy
