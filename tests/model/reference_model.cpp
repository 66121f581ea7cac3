// SPDX-License-Identifier: Apache-2.0
#include "tests/model/reference_model.h"

#include <algorithm>
#include <cmath>

namespace sy::test {
namespace {

using Row = std::vector<double>;
using Matrix = std::vector<Row>;        // one sequence: [length][width]
using Sequences = std::vector<Matrix>;  // [B][length][width]

double dot(const Row& a, const Row& b) {
  double total = 0;
  for (size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

// x w for w stored as [in][out], starting at `offset` of the parameter.
Row times(const Row& x, const std::vector<double>& w, size_t out, size_t offset = 0) {
  Row y(out, 0.0);
  for (size_t o = 0; o < out; ++o) {
    for (size_t i = 0; i < x.size(); ++i) y[o] += x[i] * w[offset + i * out + o];
  }
  return y;
}

Row rms_norm(const Row& x, const std::vector<double>& scale) {
  const double root = std::sqrt(dot(x, x) / static_cast<double>(x.size()) + 1e-6);
  Row y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] / root * scale[i];
  return y;
}

void add_to(Row& x, const Row& y) {
  for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

double log_sum_exp(const Row& x) {
  const double largest = *std::max_element(x.begin(), x.end());
  double total = 0;
  for (const double value : x) total += std::exp(value - largest);
  return largest + std::log(total);
}

double gelu(double x) {
  const double inner = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1 + std::tanh(inner));
}

// T5's bucket of key position minus query position.
int bucket_of(int relative, bool bidirectional, int buckets, int max_distance) {
  int base = 0, distance = -relative;
  if (bidirectional) {
    buckets /= 2;
    if (relative > 0) base = buckets;
    distance = std::abs(relative);
  }
  distance = std::max(distance, 0);
  const int exact = buckets / 2;
  if (distance < exact) return base + distance;
  const double position = std::log(static_cast<double>(distance) / exact) /
                          std::log(static_cast<double>(max_distance) / exact);
  return base + std::min(exact + static_cast<int>(position * (buckets - exact)), buckets - 1);
}

int real_length(const std::vector<int>& ids) {
  return static_cast<int>(ids.size() - static_cast<size_t>(std::count(ids.begin(), ids.end(), 0)));
}

class Reference {
 public:
  Reference(const ModelSection& model, const ReferenceParams& params, double capacity_factor)
      : model_(model),
        params_(params),
        capacity_factor_(capacity_factor),
        d_(static_cast<size_t>(model.d_model)),
        heads_(static_cast<size_t>(model.num_heads)),
        d_kv_(static_cast<size_t>(model.d_kv)),
        d_ff_(static_cast<size_t>(model.d_ff)),
        experts_(static_cast<size_t>(model.experts.count)) {}

  ReferenceResult run(const ReferenceBatch& batch) {
    std::vector<int> input_lengths, target_lengths;
    std::vector<std::vector<int>> decoder_ids = batch.targets;
    for (size_t b = 0; b < batch.inputs.size(); ++b) {
      input_lengths.push_back(real_length(batch.inputs[b]));
      target_lengths.push_back(real_length(batch.targets[b]));
      decoder_ids[b][0] = 0;
      for (size_t i = 1; i < decoder_ids[b].size(); ++i)
        decoder_ids[b][i] = batch.targets[b][i - 1];
    }
    const Sequences encoded =
        stack("encoder", embed(batch.inputs), input_lengths, nullptr, nullptr);
    const Sequences decoded =
        stack("decoder", embed(decoder_ids), target_lengths, &encoded, &input_lengths);
    output(decoded, batch.targets);
    return result_;
  }

 private:
  const std::vector<double>& param(const std::string& name) const { return params_.at(name); }

  Sequences embed(const std::vector<std::vector<int>>& ids) const {
    const std::vector<double>& table = param("shared/embedding");
    Sequences x;
    for (const std::vector<int>& sequence : ids) {
      Matrix rows;
      for (const int id : sequence) {
        const auto begin = table.begin() + static_cast<int64_t>(d_) * id;
        rows.emplace_back(begin, begin + static_cast<int64_t>(d_));
      }
      x.push_back(rows);
    }
    return x;
  }

  Sequences stack(const std::string& name, Sequences x, const std::vector<int>& lengths,
                  const Sequences* memory, const std::vector<int>* memory_lengths) {
    const bool decoder = memory != nullptr;
    const int64_t layers = decoder ? model_.decoder_layers : model_.encoder_layers;
    for (int64_t layer = 0; layer < layers; ++layer) {
      const std::string prefix = name + "/layers/" + std::to_string(layer);
      const bool routed = has_experts(model_.experts.attention, decoder, layer);
      if (routed) routed_attention(prefix + "/self_attention", decoder, x, lengths);
      for (size_t b = 0; b < x.size(); ++b) {
        if (!routed) {
          attention(prefix + "/self_attention", x[b], nullptr, lengths[b], name, decoder);
        }
        if (decoder) {
          attention(prefix + "/cross_attention", x[b], &(*memory)[b], (*memory_lengths)[b], "",
                    false);
        }
      }
      if (has_experts(model_.experts.layers, decoder, layer)) {
        const std::string layer_prefix = prefix + "/moe";
        switch_layer(layer_prefix, decoder, x, lengths,
                     [&](size_t b, size_t i, const Row& normed, size_t expert, double gate) {
                       Row y = feed_forward(layer_prefix, normed, expert);
                       for (double& value : y) value *= gate;
                       add_to(x[b][i], y);
                     });
      } else {
        for (Matrix& sequence : x) {
          for (Row& row : sequence) {
            const Row normed = rms_norm(row, param(prefix + "/ffn/norm"));
            add_to(row, feed_forward(prefix + "/ffn", normed, 0));
          }
        }
      }
    }
    end_stack();
    for (Matrix& sequence : x) {
      for (Row& row : sequence) row = rms_norm(row, param(name + "/final_norm"));
    }
    return x;
  }

  bool has_experts(const SparseLayersSection& layers, bool decoder, int64_t layer) const {
    const AutoInts& list = decoder ? layers.decoder : layers.encoder;
    if (experts_ == 0) return false;
    if (list.is_auto) return (layer + 1) % model_.experts.interval == 0;
    return std::count(list.values.begin(), list.values.end(), layer) > 0;
  }

  // Queries and keys of experts; the values are the keys. Dropped tokens have zeros.
  void routed_attention(const std::string& prefix, bool decoder, Sequences& x,
                        const std::vector<int>& lengths) {
    const size_t inner = heads_ * d_kv_;
    const Sequences zeros(x.size(), Matrix(x[0].size(), Row(inner, 0.0)));
    Sequences queries = zeros, keys = zeros;
    switch_layer(prefix, decoder, x, lengths,
                 [&](size_t b, size_t i, const Row& normed, size_t expert, double gate) {
                   const bool linear = model_.experts.attention_form == AttentionForm::linear;
                   const Row both = linear ? times(normed, param(prefix + "/qk"), 2 * inner,
                                                   expert * d_ * 2 * inner)
                                           : feed_forward(prefix, normed, expert, "/qk", 2 * inner);
                   for (size_t c = 0; c < inner; ++c) {
                     queries[b][i][c] = gate * both[c] / std::sqrt(static_cast<double>(d_kv_));
                     keys[b][i][c] = gate * both[inner + c];
                   }
                 });
    for (size_t b = 0; b < x.size(); ++b) {
      attend(prefix, x[b], queries[b], keys[b], keys[b], lengths[b],
             decoder ? "decoder" : "encoder", decoder);
    }
  }

  // For one sequence. bias_of names the stack whose relative bias applies; empty for none.
  void attention(const std::string& prefix, Matrix& x, const Matrix* memory, int key_length,
                 const std::string& bias_of, bool causal) const {
    const size_t inner = heads_ * d_kv_;
    Matrix normed, queries, keys, values;
    for (const Row& row : x) normed.push_back(rms_norm(row, param(prefix + "/norm")));
    for (const Row& row : normed) queries.push_back(times(row, param(prefix + "/q"), inner));
    for (const Row& row : memory != nullptr ? *memory : normed) {
      keys.push_back(times(row, param(prefix + "/k"), inner));
      values.push_back(times(row, param(prefix + "/v"), inner));
    }
    attend(prefix, x, queries, keys, values, key_length, bias_of, causal);
  }

  void attend(const std::string& prefix, Matrix& x, const Matrix& queries, const Matrix& keys,
              const Matrix& values, int key_length, const std::string& bias_of, bool causal) const {
    const size_t inner = heads_ * d_kv_;
    for (size_t i = 0; i < x.size(); ++i) {
      Row attended(inner, 0.0);
      for (size_t h = 0; h < heads_; ++h) {
        Row scores;
        for (int j = 0; j < key_length && (!causal || j <= static_cast<int>(i)); ++j) {
          double score = 0;
          for (size_t c = h * d_kv_; c < (h + 1) * d_kv_; ++c) {
            score += queries[i][c] * keys[static_cast<size_t>(j)][c];
          }
          if (!bias_of.empty()) score += bias(bias_of, j - static_cast<int>(i), !causal, h);
          scores.push_back(score);
        }
        if (scores.empty()) continue;
        const double log_sum = log_sum_exp(scores);
        for (size_t j = 0; j < scores.size(); ++j) {
          for (size_t c = h * d_kv_; c < (h + 1) * d_kv_; ++c) {
            attended[c] += std::exp(scores[j] - log_sum) * values[j][c];
          }
        }
      }
      add_to(x[i], times(attended, param(prefix + "/o"), d_));
    }
  }

  double bias(const std::string& name, int relative, bool bidirectional, size_t head) const {
    const int bucket = bucket_of(relative, bidirectional, static_cast<int>(model_.relative_buckets),
                                 static_cast<int>(model_.relative_max_distance));
    return param(name + "/relative_bias")[static_cast<size_t>(bucket) * heads_ + head];
  }

  // Expert `expert` of a feed-forward layer; a dense layer has one. `last` is its second matrix.
  Row feed_forward(const std::string& prefix, const Row& x, size_t expert) const {
    return feed_forward(prefix, x, expert, "/wo", d_);
  }
  Row feed_forward(const std::string& prefix, const Row& x, size_t expert, const std::string& last,
                   size_t outputs) const {
    const size_t offset = expert * d_ * d_ff_;
    Row hidden = times(x, param(prefix + "/wi"), d_ff_, offset);
    if (model_.activation == Activation::geglu) {
      const Row linear = times(x, param(prefix + "/wi_linear"), d_ff_, offset);
      for (size_t i = 0; i < d_ff_; ++i) hidden[i] = gelu(hidden[i]) * linear[i];
    } else {
      for (double& value : hidden) {
        value = model_.activation == Activation::relu ? std::max(value, 0.0) : gelu(value);
      }
    }
    return times(hidden, param(prefix + last), outputs, expert * d_ff_ * outputs);
  }

  int capacity(int group_tokens) const {
    const ExpertsSection& experts = model_.experts;
    if (experts.capacity == CapacityMode::dropless) return group_tokens;
    const int wanted = experts.capacity == CapacityMode::fixed
                           ? static_cast<int>(experts.fixed_capacity)
                           : std::max(static_cast<int>(group_tokens * capacity_factor_ /
                                                       static_cast<double>(experts_)),
                                      static_cast<int>(experts.min_capacity));
    return std::min(wanted, group_tokens);
  }

  // Groups of consecutive tokens, sequence after sequence. An incomplete last group has the
  // capacity of a complete one.
  // Calls to_expert(b, i, normed, expert, gate) for each token that is not dropped.
  template <class ToExpert>
  void switch_layer(const std::string& prefix, bool decoder, Sequences& x,
                    const std::vector<int>& lengths, ToExpert&& to_expert) {
    const ExpertsSection& experts = model_.experts;
    const AutoInt& given = decoder ? experts.group_tokens.decoder : experts.group_tokens.encoder;
    const size_t length = x[0].size(), tokens = x.size() * length;
    const size_t group = given.is_auto ? static_cast<size_t>(experts.group_sequences) * length
                                       : static_cast<size_t>(given.value);
    const double groups = static_cast<double>(tokens) / static_cast<double>(group);
    if (!decoder) encoder_groups_ = groups;
    std::vector<int> counts(experts_ + 1, 0);
    result_.entropies.push_back(0);
    result_.top_probabilities.push_back(0);
    for (size_t begin = 0; begin < tokens; begin += group) {
      const GroupLosses losses = route_group(prefix, x, lengths, begin, group, counts, to_expert);
      if (hugging_face()) {
        stack_losses_.resize(tokens, GroupLosses(experts_));
        stack_losses_[begin] += losses;
      } else {
        add(losses, losses.routed, encoder_groups_ / groups);
      }
    }
    result_.counts.push_back(counts);
  }

  bool hugging_face() const { return model_.experts.convention == Convention::hugging_face; }

  // Inputs of the auxiliary losses of a group, summed over its tokens.
  struct GroupLosses {
    explicit GroupLosses(size_t experts) : routed(experts), kept(experts), probability(experts) {}
    GroupLosses& operator+=(const GroupLosses& other) {
      add_to(routed, other.routed);
      add_to(kept, other.kept);
      add_to(probability, other.probability);
      squares += other.squares;
      tokens += other.tokens;
      return *this;
    }
    Row routed, kept, probability;  // kept: after dropping; a dropped token counts for expert 0
    double squares = 0, tokens = 0;
  };

  void add(const GroupLosses& group, const Row& chosen, double weight) {
    if (group.tokens == 0) return;
    result_.z_sum += weight * group.squares / group.tokens;
    result_.balance_sum += weight * static_cast<double>(experts_) * dot(chosen, group.probability) /
                           (group.tokens * group.tokens);
  }

  // Convention hugging_face: over the tokens of all sparse layers of the stack, unless all layers
  // are sparse.
  void end_stack() {
    for (const GroupLosses& group : stack_losses_) {
      if (model_.experts.interval > 1) add(group, group.kept, 1.0);
    }
    stack_losses_.clear();
  }

  template <class ToExpert>
  GroupLosses route_group(const std::string& prefix, Sequences& x, const std::vector<int>& lengths,
                          size_t begin, size_t group, std::vector<int>& counts,
                          ToExpert&& to_expert) {
    const int limit = capacity(static_cast<int>(group));
    const size_t length = x[0].size(), end = std::min(begin + group, x.size() * length);
    std::vector<int> taken(experts_, 0);
    GroupLosses losses(experts_);
    for (size_t token = begin; token < end; ++token) {
      const size_t b = token / length, i = token % length;
      if (!hugging_face() && i >= static_cast<size_t>(lengths[b])) continue;
      const Row normed = rms_norm(x[b][i], param(prefix + "/norm"));
      const Row logits = times(normed, param(prefix + "/router"), experts_);
      const double log_sum = log_sum_exp(logits);
      const size_t best =
          static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
      for (size_t e = 0; e < experts_; ++e) losses.probability[e] += std::exp(logits[e] - log_sum);
      for (const double logit : logits) {
        result_.entropies.back() -= std::exp(logit - log_sum) * (logit - log_sum);
      }
      result_.top_probabilities.back() += std::exp(logits[best] - log_sum);
      losses.routed[best] += 1;
      losses.squares += log_sum * log_sum;
      losses.tokens += 1;
      ++counts[best];
      const bool dropped = taken[best]++ >= limit;
      losses.kept[dropped ? 0 : best] += 1;
      if (dropped) {
        ++counts[experts_];
        continue;
      }
      to_expert(b, i, normed, best, std::exp(logits[best] - log_sum));
    }
    return losses;
  }

  void output(const Sequences& decoded, const std::vector<std::vector<int>>& targets) {
    const bool tied = model_.tie_embeddings;
    const std::vector<double>& table = param(tied ? "shared/embedding" : "lm_head");
    const double scale = tied ? 1 / std::sqrt(static_cast<double>(d_)) : 1.0;
    for (size_t b = 0; b < decoded.size(); ++b) {
      for (size_t i = 0; i < decoded[b].size(); ++i) {
        Row logits;
        for (size_t id = 0; id < table.size() / d_; ++id) {
          double logit = 0;
          for (size_t c = 0; c < d_; ++c) logit += decoded[b][i][c] * table[id * d_ + c];
          logits.push_back(scale * logit);
        }
        const int target = targets[b][i];
        if (target != 0) {
          const double log_z = log_sum_exp(logits);
          result_.cross_entropy += log_z - logits[static_cast<size_t>(target)];
          result_.logit_z_sum += log_z * log_z;
        }
        result_.logits.insert(result_.logits.end(), logits.begin(), logits.end());
      }
    }
  }

  const ModelSection& model_;
  const ReferenceParams& params_;
  double capacity_factor_;
  size_t d_, heads_, d_kv_, d_ff_, experts_;
  ReferenceResult result_;
  std::vector<GroupLosses> stack_losses_;  // of every token at which a group begins
  double encoder_groups_ = 1;
};

}  // namespace

ReferenceResult reference_forward(const ModelSection& model, const ReferenceParams& params,
                                  const ReferenceBatch& batch, double capacity_factor) {
  return Reference(model, params, capacity_factor).run(batch);
}

}  // namespace sy::test
