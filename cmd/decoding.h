// SPDX-License-Identifier: Apache-2.0
// What infill and loglikelihood share: a checkpoint's model that decodes a token at a time.
#pragma once

#include "cmd/checkpoint_option.h"
#include "cmd/parallel.h"
#include "lib/generate/generate.h"
#include "lib/generate/model_logits.h"
#include "lib/train/session.h"

namespace sy {

// Throws ConfigError if a prompt is longer than the model reads. `places` name the prompts. Prompts
// of a converted model have no limit of length; otherwise data.encoder_length is the limit. It is
// also the length to pad to, if capacity depends on the padded length.
int64_t encoder_length(const ChosenCheckpoint& chosen, const CheckpointOptions& source,
                       const Prompts& prompts, const std::vector<std::string>& places);

// All ranks together hold one model. Each prompt is a routing group, and is answered as if it were
// alone.
class DecodingModel {
 public:
  // Starts MPI and reads the checkpoint, whose configuration must be resolved. For `usable` see
  // LogitRows.
  DecodingModel(const ChosenCheckpoint& chosen, const GenerateOptions& options,
                int64_t encoder_length, int64_t usable);
  NextLogits& logits() { return *logits_; }

 private:
  Parallel parallel_;
  RunConfig config_;
  Runtime runtime_;
  Session session_;
  Decoder decoder_;
  std::unique_ptr<ModelLogits> logits_;
};

}  // namespace sy
