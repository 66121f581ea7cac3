// What pretrain, evaluate, infill and bench share: the tokenizer, the mesh, the model on this rank
// and the threads it computes with. Everything that a run is made of, but the loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/config/run_config.h"
#include "lib/data/loader.h"
#include "lib/dist/mesh.h"
#include "lib/model/switch_model.h"
#include "lib/train/rank_resources.h"

namespace sy {

struct Session {
  // Resolves `config` against the tokenizer (when `needs_tokenizer`) and the ranks of `world`;
  // throws ConfigError with every fault. The model is declared but not allocated; it is planned for
  // `shape`, or where that is left out for the configuration's micro-batch.
  Session(RunConfig config, Communicator& world, const RankResources& resources, bool training,
          bool needs_tokenizer = true, std::optional<ModelShape> shape = {});

  std::shared_ptr<const Tokenizer> tokenizer;  // null when it was not needed
  RunConfig config;                            // resolved
  Exec exec;
  std::string backend_note;  // for the log: "cpu (auto: no GPU is visible)"
  Mesh mesh;
  SwitchModel model;

  int64_t sequences_per_rank() const;  // of the global batch
  // This rank's part of a global batch of `batch` sequences.
  LoaderPlace loader_place(int64_t batch);
};

}  // namespace sy
