// SPDX-License-Identifier: Apache-2.0
// A reference for one Switch sub-layer: forward in float64, one token after another, written from
// the equations of docs/math-moe.md with the same random numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/router/router_hash.h"
#include "tests/model/moe_layer.h"

namespace sy::test {

// The layer in its simplest form: one token after another, without gathering or batching.
class PlainLayer {
 public:
  PlainLayer(MoeLayer& layer, Tensor x, Tensor valid)
      : layer_(layer), experts_(layer.model.experts), x_(x), valid_(valid) {
    counts.resize(static_cast<size_t>(experts_.count + 1));
    const int64_t group = experts_.group_sequences * layer_.length;
    for (int64_t begin = 0; begin < x.dim(0); begin += group) run_group(begin, group);
  }

  using Row = std::vector<double>;

  Row out;  // [T, d_model]
  std::vector<int32_t> counts;
  double balance = 0, z = 0, second_place = 0, importance = 0, load = 0;

 private:
  double weight(Param* param, int64_t i) const { return param->value.data<double>()[i]; }
  int64_t d() const { return layer_.model.d_model; }
  int64_t global_row(int64_t t) const { return layer_.step.first_sequence * layer_.length + t; }
  RandomKey key(uint32_t site) const { return layer_.context(valid_).key(site); }

  double dropped_row(double value, double rate, uint32_t site, int64_t row, int64_t c,
                     int64_t cols) const {
    if (!layer_.step.training) return value;
    const double u = random_uniform(key(site), static_cast<uint64_t>(row * cols + c));
    return u >= rate ? value / (1 - rate) : 0.0;
  }
  double dropped(double value, double rate, uint32_t site, int64_t t, int64_t c,
                 int64_t cols) const {
    return dropped_row(value, rate, site, global_row(t), c, cols);
  }
  // The row of model.dropout's mask: of the token, or of its sequence.
  int64_t mask_row(int64_t t) const {
    const bool one = layer_.model.dropout_broadcast == DropoutBroadcast::length;
    return one ? global_row(t) / layer_.length : global_row(t);
  }

  Row norm(int64_t t) const {
    const double* x = x_.data<double>() + t * d();
    double squares = 0;
    for (int64_t c = 0; c < d(); ++c) squares += x[c] * x[c];
    Row normed;
    for (int64_t c = 0; c < d(); ++c) {
      normed.push_back(x[c] / std::sqrt(squares / static_cast<double>(d()) + kEpsilon) *
                       weight(layer_.params.norm, c));
    }
    return normed;
  }

  Row logits(const Row& normed, int64_t t, Param* matrix) const {
    Row sums(static_cast<size_t>(experts_.count));
    for (int64_t c = 0; c < d(); ++c) {
      double input = normed[static_cast<size_t>(c)];
      const RouterParams& router = layer_.params.routing.router;
      if (experts_.exploration == Exploration::input_dropout) {
        input = dropped(input, experts_.router_dropout, router.dropout_site, t, c, d());
      } else if (layer_.step.training && experts_.exploration == Exploration::jitter) {
        const float u =
            random_uniform(key(router.jitter_site), static_cast<uint64_t>(global_row(t) * d() + c));
        // The factor is float32 whatever the dtype.
        const float spread = static_cast<float>(experts_.jitter) * (2.0f * u - 1.0f);
        input *= static_cast<double>(1.0f + spread);
      }
      for (int64_t e = 0; e < experts_.count; ++e) {
        sums[static_cast<size_t>(e)] += input * weight(matrix, c * experts_.count + e);
      }
    }
    return sums;
  }

  // What the router adds to the logits in training, and the standard deviation of each.
  struct Noise {
    Row eps, size;
  };
  Noise noise(const Row& normed, int64_t t) const {
    Noise result;
    const RouterParams& router = layer_.params.routing.router;
    if (experts_.exploration != Exploration::noise || !layer_.step.training) return result;
    const Row raw = logits(normed, t, router.noise);
    const auto uniform = [&](int64_t word) {
      const uint32_t bits = random_word(key(router.noise_site), static_cast<uint64_t>(word));
      return (static_cast<double>(bits >> 9) + 0.5) / 8388608.0;
    };
    for (int64_t e = 0; e < experts_.count; ++e) {
      const int64_t element = global_row(t) * experts_.count + e;
      result.eps.push_back(std::sqrt(-2 * std::log(uniform(2 * element))) *
                           std::cos(2 * M_PI * uniform(2 * element + 1)));
      result.size.push_back(std::log(1 + std::exp(raw[static_cast<size_t>(e)])));
    }
    return result;
  }

  // The probability that a token's expert e stays among the k best if its own noise is drawn again.
  double chance(const Row& noisy, const Noise& of, size_t e) const {
    Row others = noisy;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(e));
    const auto k = static_cast<size_t>(experts_.top_k);
    if (others.size() < k) return 1;
    std::sort(others.begin(), others.end(), std::greater<>());
    const double clean = noisy[e] - of.eps[e] * of.size[e];
    return 0.5 * std::erfc((others[k - 1] - clean) / of.size[e] / std::sqrt(2.0));
  }

  // The squared coefficient of variation.
  static double variation(const Row& x) {
    const double count = static_cast<double>(x.size());
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / count;
    double variance = 0;
    for (const double value : x) variance += (value - mean) * (value - mean) / count;
    return mean == 0 ? 0.0 : variance / (mean * mean);
  }

  // Element j of the product of `row` and a `cols`-column matrix of an expert.
  double product(const Row& row, Param* param, int64_t e, int64_t j, int64_t cols) const {
    double total = 0;
    const int64_t rows = static_cast<int64_t>(row.size());
    for (int64_t c = 0; c < rows; ++c) {
      total += row[static_cast<size_t>(c)] * weight(param, (e * rows + c) * cols + j);
    }
    return total;
  }

  Row expert(const Row& normed, int64_t e, int64_t t) const {
    const ExpertsParams& params = layer_.params.experts;
    const int64_t d_ff = layer_.model.d_ff;
    Row inner, result;
    for (int64_t j = 0; j < d_ff; ++j) {
      const double h = product(normed, params.wi, e, j, d_ff);
      double value = std::max(h, 0.0);
      if (layer_.model.activation != Activation::relu) {
        value = h / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (h + 0.044715 * h * h * h)));
      }
      if (layer_.model.activation == Activation::geglu) {
        value *= product(normed, params.wi_linear, e, j, d_ff);
      }
      inner.push_back(dropped(value, experts_.dropout, layer_.params.sites.hidden, t, j, d_ff));
    }
    for (int64_t c = 0; c < d(); ++c) result.push_back(product(inner, params.wo, e, c, d()));
    return result;
  }

  // The shared expert of token t: relu alone, whose other activations dense_ffn's tests have.
  Row shared(int64_t t) const {
    const FeedForwardParams& params = layer_.params.shared;
    const int64_t d_ff = experts_.shared_expert;
    const Row normed = norm(t);
    Row inner, result;
    for (int64_t j = 0; j < d_ff; ++j) {
      const double h = std::max(product(normed, params.wi, 0, j, d_ff), 0.0);
      inner.push_back(dropped(h, layer_.model.dropout, params.hidden_site, t, j, d_ff));
    }
    for (int64_t c = 0; c < d(); ++c) result.push_back(product(inner, params.wo, 0, c, d()));
    return result;
  }

  int64_t limit(int64_t group) const {
    if (experts_.capacity == CapacityMode::dropless) return group;
    if (experts_.capacity == CapacityMode::fixed) return std::min(experts_.fixed_capacity, group);
    const double factor =
        layer_.step.training ? experts_.capacity_factor : experts_.eval_capacity_factor;
    const int64_t share = static_cast<int64_t>(static_cast<double>(group) * factor /
                                               static_cast<double>(experts_.count));
    return std::min(std::max(share, experts_.min_capacity), group);
  }

  struct Choice {
    size_t expert;
    double gate;
  };

  double bias(size_t e) const {
    const Buffer* buffer = layer_.params.routing.router.bias;
    return buffer == nullptr ? 0.0 : buffer->value.data<double>()[e];
  }

  // The first expert: of the largest probability and bias, or drawn by the logits.
  size_t first_choice(Row scores, const Row& p, int64_t t) const {
    const bool draws = layer_.step.training ? experts_.exploration == Exploration::sample
                                            : experts_.eval_exploration == EvalExploration::sample;
    for (size_t e = 0; e < scores.size(); ++e) {
      if (!draws) {
        scores[e] = p[e] + bias(e);
        continue;
      }
      const uint64_t place =
          static_cast<uint64_t>(global_row(t) * experts_.count + static_cast<int64_t>(e));
      const uint32_t word = random_word(key(layer_.params.routing.router.sample_site), place);
      const double u = (static_cast<double>(word >> 9) + 0.5) / 8388608.0;
      scores[e] = scores[e] / experts_.sample_temperature - std::log(-std::log(u));
    }
    return static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
  }

  // No-Token-Left-Behind: the experts by falling probability and bias.
  std::vector<size_t> order(const Row& p) const {
    std::vector<size_t> experts(p.size());
    std::iota(experts.begin(), experts.end(), size_t{0});
    std::stable_sort(experts.begin(), experts.end(),
                     [&](size_t a, size_t b) { return p[a] + bias(a) > p[b] + bias(b); });
    experts.resize(static_cast<size_t>(experts_.ntlb_top_k));
    return experts;
  }

  // Replaces the first choices of a group's tokens by those that have room.
  void leave_none_behind(std::vector<std::pair<int64_t, std::vector<Choice>>>& tokens,
                         const std::map<int64_t, Row>& probs, int64_t group) const {
    std::vector<int64_t> taken(static_cast<size_t>(experts_.count));
    std::map<int64_t, bool> placed;
    for (size_t k = 0; k < static_cast<size_t>(experts_.ntlb_top_k); ++k) {
      for (auto& [t, chosen] : tokens) {
        const Row& p = probs.at(t);
        const size_t e = order(p)[k];
        if (placed[t] || taken[e] >= limit(group)) continue;
        placed[t] = true;
        ++taken[e];
        chosen = {{e, p[e]}};
      }
    }
  }

  // Expert choice: each expert takes its tokens of largest probability, by the group's real tokens.
  void choose_tokens(std::vector<std::pair<int64_t, std::vector<Choice>>>& tokens,
                     const std::map<int64_t, Row>& probs) {
    for (auto& [t, chosen] : tokens) chosen.clear();
    const auto places = static_cast<size_t>(limit(std::ssize(tokens)));
    for (size_t e = 0; e < static_cast<size_t>(experts_.count); ++e) {
      std::vector<size_t> best(tokens.size());
      std::iota(best.begin(), best.end(), size_t{0});
      std::stable_sort(best.begin(), best.end(), [&](size_t a, size_t b) {
        return probs.at(tokens[a].first)[e] > probs.at(tokens[b].first)[e];
      });
      for (size_t i = 0; i < places; ++i) {
        const double p = probs.at(tokens[best[i]].first)[e];
        tokens[best[i]].second.push_back({e, p});
      }
    }
    for (const auto& [t, chosen] : tokens) {
      if (chosen.empty()) ++counts.back();
    }
  }

  size_t second_choice(const Row& p, size_t first) const {
    size_t second = first == 0 ? 1 : 0;
    for (size_t e = 0; e < p.size(); ++e) {
      if (e != first && p[e] + bias(e) > p[second] + bias(second)) second = e;
    }
    return second;
  }

  std::vector<Choice> choices(const Row& h, const Row& p, int64_t t) const {
    const size_t first = first_choice(h, p, t);
    if (experts_.top_k == 1) return {{first, p[first]}};
    const size_t second = second_choice(p, first);
    const double sum = experts_.normalise_gates ? p[first] + p[second] + 1e-9 : 1.0;
    std::vector<Choice> both{{first, p[first] / sum}, {second, p[second] / sum}};
    const double g2 = both[1].gate, threshold = experts_.second_threshold;
    const double u = random_uniform(key(layer_.params.routing.router.second_site),
                                    static_cast<uint64_t>(global_row(t)));
    const bool kept = experts_.second_policy == SecondPolicy::all ||
                      (experts_.second_policy == SecondPolicy::random && u < g2 / threshold) ||
                      (experts_.second_policy == SecondPolicy::threshold && g2 > threshold);
    if (!kept) both.pop_back();
    return both;
  }

  // The nearest number of eight significant bits, of two the even one.
  static int64_t rounded(int64_t place) {
    double step = 1;
    while (static_cast<double>(place) / step >= 256) step *= 2;
    return static_cast<int64_t>(std::nearbyint(static_cast<double>(place) / step) * step);
  }

  // Places are rounded: the tokens of a slot are added, and each gets the output for the sum.
  void combine_shared(const std::vector<std::pair<int64_t, std::vector<Choice>>>& tokens,
                      int64_t group, std::map<int64_t, Row>& sums) {
    std::vector<int64_t> taken(static_cast<size_t>(experts_.count));
    std::map<std::pair<size_t, int64_t>, std::vector<std::pair<int64_t, double>>> slots;
    for (const auto& [t, chosen] : tokens) {
      const auto& [expert_of_token, gate] = chosen[0];
      ++counts[expert_of_token];
      const int64_t place = rounded(taken[expert_of_token]++);
      if (place < limit(group)) {
        slots[{expert_of_token, place}].emplace_back(t, gate);
      } else {
        ++counts.back();
      }
    }
    for (const auto& [slot, sharers] : slots) {
      Row sum(static_cast<size_t>(d()));
      for (const auto& [t, gate] : sharers) {
        const Row normed = norm(t);
        for (size_t c = 0; c < sum.size(); ++c) sum[c] += normed[c];
      }
      const Row y = expert(sum, static_cast<int64_t>(slot.first), 0);
      for (const auto& [t, gate] : sharers) {
        sums[t].resize(y.size());
        for (size_t c = 0; c < y.size(); ++c) sums[t][c] += gate * y[c];
      }
    }
  }

  // All first choices take their places before the second ones.
  void combine(const std::vector<std::pair<int64_t, std::vector<Choice>>>& tokens, int64_t group,
               std::map<int64_t, Row> sums) {
    const size_t count = static_cast<size_t>(experts_.count);
    std::vector<int64_t> taken(count);
    const bool shares_slots = router_rounding(experts_).places;
    if (shares_slots) combine_shared(tokens, group, sums);
    for (size_t k = 0; k < static_cast<size_t>(most_experts_per_token(experts_)); ++k) {
      for (const auto& [t, chosen] : tokens) {
        if (shares_slots || k >= chosen.size()) continue;
        const auto& [expert_of_token, gate] = chosen[k];
        ++counts[expert_of_token];
        if (taken[expert_of_token]++ >= limit(group)) {
          ++counts[count];
          continue;
        }
        const Row y = expert(norm(t), static_cast<int64_t>(expert_of_token), t);
        sums[t].resize(static_cast<size_t>(d()));
        for (size_t c = 0; c < y.size(); ++c) sums[t][c] += gate * y[c];
      }
    }
    for (const auto& [t, sum] : sums) {
      for (int64_t c = 0; c < d(); ++c) {
        out[static_cast<size_t>(t * d() + c)] +=
            dropped_row(sum[static_cast<size_t>(c)], layer_.model.dropout,
                        layer_.params.sites.output, mask_row(t), c, d());
      }
    }
  }

  void run_group(int64_t begin, int64_t group) {
    const size_t count = static_cast<size_t>(experts_.count);
    std::vector<int64_t> routed(count);
    std::vector<std::pair<int64_t, std::vector<Choice>>> chosen;
    Row mean(count), seconds(count), second_mean(count), gates(count), loads(count);
    std::map<int64_t, Row> sums, probs;  // what experts add to a token, and its probabilities
    const bool ntlb = experts_.routing == Routing::no_token_left_behind;
    const double tries = ntlb ? static_cast<double>(experts_.ntlb_top_k) : 1.0;
    double tokens = 0, squares = 0;
    for (int64_t t = begin; t < std::min(begin + group, x_.dim(0)); ++t) {
      const double* x = x_.data<double>() + t * d();
      out.insert(out.end(), x, x + d());
      if (experts_.shared_expert > 0) sums[t] = shared(t);
      if (valid_.data<int32_t>()[t] == 0) continue;
      if (experts_.routing == Routing::hash) {
        const int32_t id = static_cast<int32_t>(global_row(t) * 7 % 50);
        const uint32_t site = layer_.params.routing.router.hash_site;
        const auto e = static_cast<size_t>(hash_expert(id, 50, experts_.count, site));
        chosen.emplace_back(t, std::vector<Choice>{{e, 1.0}});
        continue;
      }
      Row h = logits(norm(t), t, layer_.params.routing.router.weight), p;
      const Noise added = noise(norm(t), t);
      for (size_t e = 0; e < added.eps.size(); ++e) h[e] += added.eps[e] * added.size[e];
      for (size_t e = 0; e < added.eps.size(); ++e) loads[e] += chance(h, added, e);
      double total = 0;
      for (const double logit : h) total += std::exp(logit);
      for (size_t e = 0; e < count; ++e) p.push_back(std::exp(h[e]) / total);
      for (size_t e = 0; e < count; ++e) mean[e] += p[e];
      squares += std::log(total) * std::log(total);
      tokens += 1;
      chosen.emplace_back(t, choices(h, p, t));
      if (ntlb) {
        for (const size_t e : order(p)) ++routed[e];
      } else {
        ++routed[chosen.back().second[0].expert];
      }
      for (const Choice& choice : chosen.back().second) gates[choice.expert] += choice.gate;
      const size_t first = chosen.back().second[0].expert;
      if (experts_.top_k == 2) seconds[second_choice(p, first)] += 1;
      for (size_t e = 0; e < count; ++e) {
        if (e != first) second_mean[e] += p[e] / (1 - p[first] + 1e-9);
      }
      probs[t] = p;
    }
    if (ntlb) leave_none_behind(chosen, probs, group);
    const bool by_experts = experts_.routing == Routing::expert_choice;
    if (by_experts) choose_tokens(chosen, probs);
    combine(chosen, group, std::move(sums));
    if (tokens == 0) return;
    z += squares / tokens;
    importance += variation(gates);
    load += variation(loads);
    for (size_t e = 0; e < count; ++e) {
      second_place += static_cast<double>(count) * seconds[e] * second_mean[e] / (tokens * tokens);
    }
    for (size_t e = 0; e < count && !by_experts; ++e) {
      balance += static_cast<double>(count) * static_cast<double>(routed[e]) * mean[e] /
                 (tries * tokens * tokens);
    }
  }

  static constexpr double kEpsilon = 1e-6;
  MoeLayer& layer_;
  const ExpertsSection& experts_;
  Tensor x_, valid_;
};

}  // namespace sy::test
