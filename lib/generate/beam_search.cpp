// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/beam_search.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"

namespace sy {

// Best first. Continuations are visited in order, so of equal scores the earlier one stays ahead.
std::vector<BeamSearch::Candidate> BeamSearch::best_candidates(const LogitRows& logits) const {
  const auto most = static_cast<size_t>(2 * options_.beams);
  std::vector<Candidate> best;
  for (int64_t b = 0; b < logits.rows; ++b) {
    const std::span<const float> row = logits.row(b);
    const double base = beams_[static_cast<size_t>(b)].score - log_sum_exp(row);
    for (size_t id = 0; id < row.size(); ++id) {
      const double score = base + static_cast<double>(row[id]);
      if (best.size() == most && score <= best.back().score) continue;
      if (best.size() == most) best.pop_back();
      const auto place = std::upper_bound(
          best.begin(), best.end(), score,
          [](double value, const Candidate& candidate) { return value > candidate.score; });
      best.insert(place, {score, static_cast<int32_t>(b), static_cast<int32_t>(id)});
    }
  }
  return best;
}

BeamSearch::Beam BeamSearch::continued(const Candidate& candidate) const {
  Beam beam = beams_[static_cast<size_t>(candidate.beam)];
  beam.ids.push_back(candidate.id);
  beam.log_probs.push_back(candidate.score - beam.score);
  beam.score = candidate.score;
  return beam;
}

double BeamSearch::penalised(double score) const {
  return score / std::pow(static_cast<double>(length_), options_.length_penalty);
}

void BeamSearch::finish(const Candidate& candidate) {
  Beam beam = continued(candidate);
  Generated target{std::move(beam.ids), penalised(beam.score), std::move(beam.log_probs)};
  const auto place =
      std::upper_bound(finished_.begin(), finished_.end(), target.score,
                       [](double value, const Generated& other) { return value > other.score; });
  finished_.insert(place, std::move(target));
  if (static_cast<int64_t>(finished_.size()) > options_.beams) finished_.pop_back();
}

bool BeamSearch::is_over(double best_score) const {
  if (static_cast<int64_t>(finished_.size()) < options_.beams) return false;
  return options_.early_stopping || penalised(best_score) <= finished_.back().score;
}

std::vector<Continuation> BeamSearch::advance(const LogitRows& logits) {
  SY_CHECK(logits.rows == static_cast<int64_t>(beams_.size()), "{} rows of logits for {} beams",
           logits.rows, beams_.size());
  ++length_;
  const bool last = length_ == options_.max_length;
  std::vector<Beam> next;
  std::vector<Continuation> continuations;
  int64_t rank = 0;
  for (const Candidate& candidate : best_candidates(logits)) {
    const bool ends = candidate.id == options_.eos || last;
    if (ends && rank < options_.beams) finish(candidate);
    if (!ends && static_cast<int64_t>(next.size()) < options_.beams) {
      next.push_back(continued(candidate));
      continuations.push_back({candidate.beam, candidate.id});
    }
    ++rank;
  }
  if (next.empty() || is_over(next.front().score)) return {};
  beams_ = std::move(next);
  return continuations;
}

}  // namespace sy
