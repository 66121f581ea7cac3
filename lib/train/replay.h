// SPDX-License-Identifier: Apache-2.0
// Finds hardware that computes wrong, and memory that changes (run.replay_every). The gradients of
// a replayed step are computed twice from the same weights and the same batch. They must be the
// same to the last bit, as every kernel adds in a fixed order. The weights must be those that the
// last update left, and the same on all ranks that hold them.
//
// Digests are compared, of each parameter and of this rank's own results, before anything is summed
// over ranks. So the rank that differs can be named.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/train/digest_table.h"
#include "lib/train/session.h"

namespace sy {

// The two times that a replayed step is computed.
enum class ReplayPass : uint8_t { first, second };

class Replay {
 public:
  // `session` must outlive it. Its parameters must be declared.
  explicit Replay(Session& session);

  // Measures or carves the digests (arena.h).
  void take_memory(Arena& arena);

  bool is_due(int64_t step) const { return every_ > 0 && step % every_ == 0; }

  // To be called in this order. The note_ functions are queued to the exec and do not wait.

  // The weights that this rank has just updated. Without it the next check does not compare them.
  void note_update();
  // The weights have been changed by something else.
  void forget_update() { has_update_ = false; }
  // Throws RuntimeFailure, on every rank, unless the weights are those of note_update(), and the
  // same on all ranks that hold them. Values that ranks send each other must have come. Collective.
  void check_weights(int64_t step);
  // This rank's gradients of the parameters numbered `first` and above, as far as they have not
  // been noted in this pass. They must be complete, and not yet reduced.
  void note_gradients(ReplayPass pass, int first);
  // This rank's losses and router counts of the step, not yet reduced. Ends the pass.
  void note_statistics(ReplayPass pass);
  // Throws RuntimeFailure, on every rank, unless both passes gave the same. Collective.
  void check_results(int64_t step);

 private:
  // Rows of the table: what this rank updates, after the update and as the replayed step reads it;
  // all values and bfloat16 copies that it holds; and the results of the passes.
  enum Row : int64_t { kUpdated, kOwned, kHeld, kCopies, kPass, kRows = kPass + 2 };

  void note_owned(Row row);
  bool differs(Row a, Row b, size_t column) const;
  void check_unchanged(int64_t step);
  void check_alike(int64_t step);
  uint64_t held(size_t column) const;
  MeshAxes axes_of(size_t column) const;
  [[noreturn]] void name_unlike(int64_t step);
  [[noreturn]] void name_unequal(int64_t step, const std::vector<int>& ranks, size_t column);
  const std::vector<int32_t>& share_first(const std::vector<size_t>& columns, Row a, Row b);
  std::string name_of_column(size_t column) const;

  Session& session_;
  const int64_t every_;
  // Columns: the parameters, the buffers, then losses and router counts.
  const size_t params_, weights_, columns_;
  DigestTable table_;
  bool has_update_ = false;
  int64_t alike_at_ = 0;  // the last step whose weights were the same everywhere; 0: none
  int noted_from_;        // parameters from this number on have been noted in this pass
  std::vector<size_t> weight_order_, result_order_;  // the columns in the order of comparison
  std::vector<int32_t> first_;                       // by rank, of share_first()
  std::vector<uint64_t> of_region_, of_regions_;     // [regions + 1], [ranks, regions + 1]
  std::vector<size_t> region_of_;                    // by column of weights
  std::vector<std::vector<int>> first_holder_;       // by region and rank
};

}  // namespace sy
