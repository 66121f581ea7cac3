// SPDX-License-Identifier: Apache-2.0
// A rank's part of a global batch, divided into micro-batches, and the lengths that its sequences
// have on all ranks.
#pragma once

#include <array>
#include <vector>

#include "lib/config/config.h"
#include "lib/config/step_lengths.h"
#include "lib/data/batcher.h"
#include "lib/dist/communicator.h"

namespace sy {

// The shortest of `lengths` that the examples of all ranks fit in. If there is a choice, the ranks
// agree in one reduction: collective.
StreamLengths agree_on_lengths(const std::array<StepLengths, kStreams>& lengths,
                               const std::vector<Example>& examples, Communicator& world);

class StepBatch {
 public:
  // A step has `sequences` on this rank, in micro-batches of `micro_batch`; `packed`: rows that may
  // hold several examples. `exec` must outlive it.
  StepBatch(Exec& exec, int64_t sequences, int64_t micro_batch, int64_t encoder_length,
            int64_t decoder_length, const SpecialIds& ids = {}, bool packed = false);

  // Copies the examples of this rank. If there are fewer than `sequences`, the rest is padding. The
  // sequences have these lengths, at most those above, or by default those.
  void fill(const std::vector<Example>& examples);
  void fill(const std::vector<Example>& examples, const StreamLengths& lengths);

  const StreamLengths& lengths() const { return builder_.lengths(); }
  int64_t micro_batches() const { return builder_.count(); }
  int64_t micro_batch_size() const { return micro_batch_; }
  // Views in the exec's memory, valid until the next fill().
  Batch micro_batch(int64_t index) const { return builder_.sent(index); }

  int64_t target_tokens() const { return target_tokens_; }  // without padding
  int64_t input_tokens() const { return input_tokens_; }

 private:
  int64_t micro_batch_;
  StreamLengths full_;
  BatchBuilder builder_;
  int64_t target_tokens_ = 0;
  int64_t input_tokens_ = 0;
};

}  // namespace sy
