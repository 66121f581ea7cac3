// SPDX-License-Identifier: Apache-2.0
// Search strategies: each is a class that searches the target of one prompt. generate()
// (generate.h) runs many side by side.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lib/generate/logits.h"
#include "lib/generate/options.h"

namespace sy {

// A generated target.
struct Generated {
  std::vector<int32_t> ids;  // including the eos that ended it, if any
  double score = 0;          // log-probability; for beam search divided by the length penalty
  std::vector<double> log_probs = {};  // of each id, given those before it
};

// A sequence to continue with.
struct Continuation {
  int32_t parent = 0;  // index among the current sequences of the search
  int32_t id = 0;      // the token to append
};

class Search {
 public:
  Search() = default;
  virtual ~Search() = default;
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  // `logits` belong to the sequences that the last call returned; in the first call, to the single
  // empty sequence. Returns the sequences to continue with; none ends the search.
  virtual std::vector<Continuation> advance(const LogitRows& logits) = 0;
  // Valid once the search has ended.
  virtual Generated result() const = 0;
};

// Base of strategies that follow a single sequence: greedy and sampling.
class OneSequence : public Search {
 public:
  explicit OneSequence(const GenerateOptions& options)
      : max_length_(options.max_length), eos_(options.eos) {}
  std::vector<Continuation> advance(const LogitRows& logits) override;
  Generated result() const override { return written_; }

 private:
  // Chooses the token at `position` of the target.
  virtual int32_t choose(std::span<const float> logits, int64_t position) = 0;

  int64_t max_length_;
  int32_t eos_;
  Generated written_;
};

// Makes the search for the strategy in `options`. `prompt` is the index among all prompts; random
// draws depend on it, not on the batch.
std::unique_ptr<Search> make_search(const GenerateOptions& options, int64_t prompt);

}  // namespace sy
