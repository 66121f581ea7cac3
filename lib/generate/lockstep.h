// SPDX-License-Identifier: Apache-2.0
// Generation on several data ranks at once, each with prompts of its own. Experts may be spread
// over these ranks, so all must run the same passes, each on as many sequences as the others. A
// rank with fewer goes on with sequences that nobody reads, until all searches have ended.
#pragma once

#include "lib/dist/communicator.h"
#include "lib/generate/logits.h"

namespace sy {

// Passes the prompts of a rank on to `model`, filled up with empty ones to `prompts`. The routing
// groups of a batch are therefore the same whatever the number of ranks.
class Lockstep : public NextLogits {
 public:
  // Both must outlive this.
  Lockstep(NextLogits& model, Communicator& ranks, int64_t prompts)
      : model_(model), ranks_(ranks), prompts_(prompts) {}

  // Collective. At most `prompts`, and possibly none.
  void begin(std::span<const std::vector<int32_t>> prompts) override;
  LogitRows next(std::span<const int32_t> parents, std::span<const int32_t> ids) override;
  // Ends the batch: joins in the passes of the ranks that still search. Called by every rank after
  // each begin(). Collective.
  void finish();

 private:
  size_t most_sequences(size_t here);

  NextLogits& model_;
  Communicator& ranks_;
  int64_t prompts_;
  std::vector<int32_t> parents_, ids_;  // of a pass, filled up
};

}  // namespace sy
