// SPDX-License-Identifier: Apache-2.0
// Examples that a source has read ahead, as numbers and tokens of its StreamState.
#pragma once

#include <span>

#include "lib/data/example.h"
#include "lib/data/stream_state.h"

namespace sy {

// The most tokens of an example.
struct ExampleLengths {
  int64_t inputs = 0, targets = 0;
};

// Appends an example but for its index and stream: its denoiser, its part, and the number of
// examples in it, 0 for one that is no packed row; then their ends in inputs and in targets, which
// for one are its lengths.
void save_example(const Example& example, std::vector<int64_t>& numbers,
                  std::vector<int32_t>& tokens);

// Reads them from `numbers`, of which `state` may have others before, to the end.
class SavedExamples {
 public:
  SavedExamples(const StreamState& state, std::span<const int64_t> numbers,
                const ExampleLengths& lengths)
      : state_(state), numbers_(numbers), tokens_(state.tokens), lengths_(lengths) {}

  bool ended() const { return numbers_.empty() && tokens_.empty(); }
  // Throws DataError if what is left holds none of these lengths.
  Example next();

 private:
  void require(bool condition) const;
  int64_t number();
  void read_ends(std::vector<int32_t>& ends, int64_t count, int64_t most);
  void read_ids(std::vector<int32_t>& ids, int64_t count);

  const StreamState& state_;
  std::span<const int64_t> numbers_;
  std::span<const int32_t> tokens_;
  const ExampleLengths lengths_;
};

}  // namespace sy
