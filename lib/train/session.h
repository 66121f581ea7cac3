// What pretrain, evaluate, infill and bench share: a model on a runtime, with the configuration and
// the tokenizer that belong to it. Everything that a run is made of, but the loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/config/run_config.h"
#include "lib/data/loader.h"
#include "lib/model/switch_model.h"
#include "lib/train/runtime.h"

namespace sy {

// Throws DataError where data.tokenizer cannot be read.
std::shared_ptr<const Tokenizer> open_tokenizer(const DataSection& data);

struct Session {
  // Resolves `config` against the tokenizer (null where none is needed) and the ranks of the
  // runtime; throws ConfigError with every fault. Backend and mesh are the runtime's, which must
  // outlive this. The model is declared, not planned; it is made for `shape`, or where that is left
  // out for the configuration's micro-batch.
  Session(Runtime& runtime, RunConfig config, std::shared_ptr<const Tokenizer> tokenizer,
          bool training, std::optional<ModelShape> shape = {});

  Runtime& runtime;
  Exec& exec;  // the runtime's
  Mesh& mesh;
  std::shared_ptr<const Tokenizer> tokenizer;  // null when it was not needed
  RunConfig config;                            // resolved
  SwitchModel model;

  int64_t sequences_per_rank() const;  // of the global batch
  int64_t micro_batches() const;       // in which a rank runs them
  // This rank's part of a global batch of `batch` sequences.
  LoaderPlace loader_place(int64_t batch);
};

}  // namespace sy
