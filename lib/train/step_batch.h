// One rank's share of a step's global batch, as micro-batches in memory that is made once: the
// host's, and where the exec computes elsewhere a copy there.
#pragma once

#include <optional>
#include <vector>

#include "lib/data/batcher.h"
#include "lib/model/batch.h"
#include "lib/tensor/staged_copy.h"

namespace sy {

class StepBatch {
 public:
  // `sequences` of this rank a step, run `micro_batch` at a time. `exec` must outlive it.
  StepBatch(Exec& exec, int64_t sequences, int64_t micro_batch, int64_t encoder_length,
            int64_t decoder_length);

  // Copies the rank's examples; places past their end become padding.
  void fill(const std::vector<Example>& examples);

  int64_t micro_batches() const { return static_cast<int64_t>(memory_.size()); }
  int64_t micro_batch_size() const { return micro_batch_; }
  // Views of the exec's memory, until the next fill().
  Batch micro_batch(int64_t index);

  int64_t target_tokens() const { return target_tokens_; }  // not padding
  int64_t input_tokens() const { return input_tokens_; }

 private:
  int64_t place_views(char* base);
  void send();

  int64_t micro_batch_;
  std::vector<BatchMemory> memory_;
  std::vector<Batch> batches_;          // what micro_batch() gives
  std::optional<StagedUpload> upload_;  // where the exec's memory is not the host's
  int64_t target_tokens_ = 0;
  int64_t input_tokens_ = 0;
};

}  // namespace sy
