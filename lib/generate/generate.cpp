// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/generate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "lib/base/error.h"

namespace sy {
namespace {

// The searches of one batch. Their sequences are consecutive in the model, in the order of the
// searches.
class SearchBatch {
 public:
  SearchBatch(size_t prompts, size_t first, const GenerateOptions& options)
      : rows_(prompts, 1), start_(options.start) {
    for (size_t i = 0; i < prompts; ++i) {
      searches_.push_back(make_search(options, static_cast<int64_t>(first + i)));
    }
  }

  void run(NextLogits& model) {
    std::vector<int32_t> parents(searches_.size()), ids(searches_.size(), start_);
    std::iota(parents.begin(), parents.end(), 0);
    while (!parents.empty()) {
      const LogitRows logits = model.next(parents, ids);
      parents.clear();
      ids.clear();
      int64_t row = 0;
      for (size_t i = 0; i < searches_.size(); ++i) {
        if (rows_[i] == 0) continue;
        const std::vector<Continuation> next = searches_[i]->advance(logits.slice(row, rows_[i]));
        for (const Continuation& continuation : next) {
          parents.push_back(static_cast<int32_t>(row) + continuation.parent);
          ids.push_back(continuation.id);
        }
        row += rows_[i];
        rows_[i] = static_cast<int64_t>(next.size());
      }
    }
  }

  Generated result(size_t i) const { return searches_[i]->result(); }

 private:
  std::vector<std::unique_ptr<Search>> searches_;
  std::vector<int64_t> rows_;  // 0: the search has ended
  int32_t start_;
};

}  // namespace

std::vector<Generated> generate(
    NextLogits& model, const Prompts& prompts, const GenerateOptions& options,
    const std::function<void(size_t first, std::span<const Generated> targets)>& ready) {
  const std::vector<std::string> faults = find_faults(options);
  if (!faults.empty()) throw ConfigError(fmt::format("{}", fmt::join(faults, "\n")));
  std::vector<Generated> targets;
  for (size_t first = 0; first < prompts.size(); first = targets.size()) {
    const size_t count = std::min(prompts.size() - first, static_cast<size_t>(options.batch));
    model.begin(std::span(prompts).subspan(first, count));
    SearchBatch batch(count, first, options);
    batch.run(model);
    for (size_t i = 0; i < count; ++i) targets.push_back(batch.result(i));
    if (ready) ready(first, std::span<const Generated>(targets).subspan(first, count));
  }
  return targets;
}

}  // namespace sy
