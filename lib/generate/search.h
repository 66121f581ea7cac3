// The search for one prompt's target. A strategy is one such class; generate.h runs many side by
// side.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lib/generate/logits.h"
#include "lib/generate/options.h"

namespace sy {

// A target that was written.
struct Generated {
  std::vector<int32_t> ids;            // with the eos that ended it, where one did
  double score = 0;                    // log-probability; beam search's: by the length penalty
  std::vector<double> log_probs = {};  // of each id, given those before it
};

// A sequence of the search going on.
struct Continuation {
  int32_t parent = 0;  // which of the search's sequences
  int32_t id = 0;      // with this token
};

class Search {
 public:
  Search() = default;
  virtual ~Search() = default;
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  // `logits` are of the sequences that the last call returned, at first of the one that is empty.
  // Returns those to go on with; none ends the search.
  virtual std::vector<Continuation> advance(const LogitRows& logits) = 0;
  // After the end.
  virtual Generated result() const = 0;
};

// What greedy and sample have in common: one sequence.
class OneSequence : public Search {
 public:
  explicit OneSequence(int64_t max_length) : max_length_(max_length) {}
  std::vector<Continuation> advance(const LogitRows& logits) override;
  Generated result() const override { return written_; }

 private:
  // The token at `position` of the target.
  virtual int32_t choose(std::span<const float> logits, int64_t position) = 0;

  int64_t max_length_;
  Generated written_;
};

// The strategy of the options. `prompt` numbers the prompt among all: draws depend on it, never on
// which prompts run together.
std::unique_ptr<Search> make_search(const GenerateOptions& options, int64_t prompt);

}  // namespace sy
