// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/row_exchange.h"

#include <algorithm>

namespace sy {
namespace {

// The experts of each rank that a part covers, and its share of the rows of each pair.
struct Share {
  int64_t first_expert, experts;
  int64_t piece, pieces;

  Share(int64_t local_experts, int64_t part, int64_t parts) {
    const bool by_expert = local_experts > 1;
    first_expert = by_expert ? local_experts * part / parts : 0;
    experts = by_expert ? local_experts * (part + 1) / parts - first_expert : 1;
    piece = by_expert ? 0 : part;
    pieces = by_expert ? 1 : parts;
  }
  bool takes(int64_t expert) const {
    return expert >= first_expert && expert < first_expert + experts;
  }
  // The part's share of a pair's `count` rows, which start at row `first`.
  RowRange of(int64_t first, int64_t count) const {
    const int64_t begin = count * piece / pieces;
    return {first + begin, count * (piece + 1) / pieces - begin};
  }
};

// The slots of the part. Those for one rank are contiguous, grouped by expert.
void place_slots(std::vector<RowRange>& slots, const std::vector<int32_t>& sent,
                 int64_t local_experts, const Share& share) {
  slots.clear();
  int64_t first = 0, expert = 0;
  for (const int32_t count : sent) {
    if (share.takes(expert)) slots.push_back(share.of(first, count));
    first += count;
    expert = (expert + 1) % local_experts;
  }
}

// The rows of the part, from row experts.first on, grouped by expert and within an expert by rank.
// Fills `experts`.
void place_rows(std::vector<RowRange>& rows, ExpertRows& experts,
                const std::vector<int32_t>& received, int64_t local_experts, const Share& share) {
  const int64_t ranks = static_cast<int64_t>(received.size()) / local_experts;
  rows.resize(static_cast<size_t>(ranks * share.experts));
  experts.first_expert = share.first_expert;
  experts.experts = share.experts;
  experts.counts.clear();
  experts.total = 0;
  for (int64_t e = 0; e < share.experts; ++e) {
    const int64_t before = experts.total;
    for (int64_t rank = 0; rank < ranks; ++rank) {
      const size_t pair = static_cast<size_t>(rank * local_experts + share.first_expert + e);
      const int64_t count = share.of(0, received[pair]).count;
      rows[static_cast<size_t>(rank * share.experts + e)] = {experts.first + experts.total, count};
      experts.total += count;
    }
    experts.counts.push_back(static_cast<int32_t>(experts.total - before));
  }
}

void make_even(ExpertRows& rows) {
  rows.each = rows.total / rows.experts;
  rows.sources = {};
  rows.counts.clear();
}

}  // namespace

void RowExchange::plan_ragged(int64_t local_experts, size_t wanted) {
  const auto most = static_cast<size_t>(local_experts);
  parts.resize(local_experts > 1 ? std::min(wanted, most) : wanted);
  all.experts = local_experts;
  all.sources = sources;
  all.total = all.each = 0;
  all.counts.assign(most, 0);
  for (size_t i = 0; i < parts.size(); ++i) {
    const Share share(local_experts, static_cast<int64_t>(i), static_cast<int64_t>(parts.size()));
    ExchangePart& part = parts[i];
    part.experts.sources = sources;
    part.experts.each = 0;
    part.experts.first = all.total;
    place_slots(part.slots, sent, local_experts, share);
    place_rows(part.rows, part.experts, received, local_experts, share);
    all.total += part.experts.total;
    for (size_t e = 0; e < part.experts.counts.size(); ++e) {
      all.counts[static_cast<size_t>(share.first_expert) + e] += part.experts.counts[e];
    }
  }
}

void RowExchange::plan_even(int64_t expert_ranks, int64_t local_experts, int64_t each,
                            size_t wanted) {
  sent.assign(static_cast<size_t>(expert_ranks * local_experts), static_cast<int32_t>(each));
  received = sent;
  plan_ragged(local_experts, wanted);
  for (ExchangePart& part : parts) make_even(part.experts);
  make_even(all);
}

void RowExchange::plan_most(int64_t expert_ranks, int64_t rank, int64_t local_experts,
                            int64_t slots) {
  parts.resize(1);
  all.experts = local_experts;
  all.first_expert = all.first = all.each = 0;
  all.total = slots * expert_ranks;
  all.sources = sources;
  all.counts.clear();  // keeps its memory, so that a step allocates none
  ExchangePart& part = parts[0];
  part.experts = all;
  part.slots.assign(static_cast<size_t>(expert_ranks), {});
  part.rows.assign(static_cast<size_t>(expert_ranks), {});
  for (int64_t other = 0; other < expert_ranks; ++other) {
    if (other != rank) part.rows[static_cast<size_t>(other)] = {other * slots, slots};
  }
  if (expert_ranks > 1) part.slots[static_cast<size_t>((rank + 1) % expert_ranks)] = {0, slots};
}

size_t exchange_parts(const LayerContext& context) {
  const bool beside = context.exec.backend == Backend::cuda && context.mesh.shape().expert > 1;
  return beside ? kExchangeParts : 1;
}

RowTransfer::RowTransfer(const LayerContext& context, const RowExchange& exchange,
                         const std::string& label)
    : context_(context), exchange_(exchange), label_(label) {}

void RowTransfer::start_to_experts(Tensor rows, Tensor slots) {
  for (size_t part = 0; part < exchange_.parts.size(); ++part) {
    start(part, rows, exchange_.parts[part].rows, slots, exchange_.parts[part].slots);
  }
}

void RowTransfer::start_back(size_t part, Tensor slots, Tensor rows) {
  start(part, slots, exchange_.parts[part].slots, rows, exchange_.parts[part].rows);
}

void RowTransfer::start(size_t part, Tensor to, const std::vector<RowRange>& receives, Tensor from,
                        const std::vector<RowRange>& sends) {
  if (context_.mesh.shape().expert == 1) return;
  const ProfileScope profile(context_.exec.profiler, Part::communication);
  requests_[part] =
      context_.mesh.expert().start_all_to_all_rows(to, receives, from, sends, label_.c_str());
}

void RowTransfer::wait(size_t part) {
  if (requests_[part] == nullptr) return;
  const ProfileScope profile(context_.exec.profiler, Part::communication);
  requests_[part]->wait();
  requests_[part].reset();
}

void RowTransfer::wait_all() {
  for (size_t part = 0; part < exchange_.parts.size(); ++part) wait(part);
}

}  // namespace sy
