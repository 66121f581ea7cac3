// SPDX-License-Identifier: Apache-2.0
#include "lib/train/replay.h"

#include <algorithm>
#include <bit>

#include "lib/train/replay_report.h"

namespace sy {
namespace {

// Digests in the form that communicators carry.
Tensor as_tensor(std::vector<uint64_t>& digests) {
  return Tensor(digests.data(), DType::i32, {2 * std::ssize(digests)});
}
Tensor as_rows(std::vector<uint64_t>& digests, int64_t rows) {
  return as_tensor(digests).view({rows, 2 * std::ssize(digests) / rows});
}

}  // namespace

Replay::Replay(Session& session)
    : session_(session),
      every_(session.config.run.replay_every),
      params_(session.model.params().all().size()),
      weights_(params_ + session.model.params().buffers().size()),
      columns_(weights_ + 2),
      noted_from_(static_cast<int>(params_)) {
  if (every_ == 0) return;
  const ParamStore& params = session.model.params();
  const auto ranks = static_cast<size_t>(session.mesh.shape().ranks);
  const size_t regions = params.regions().size();
  region_of_.assign(weights_, regions);  // every rank holds the buffers
  for (const Param& param : params.all()) {
    region_of_[static_cast<size_t>(param.number)] = params.region_of(param);
  }
  for (size_t i = 0; i < weights_; ++i) weight_order_.push_back(i);
  // A fault of the forward pass shows in the losses of its rank, and one of the backward pass in
  // gradients that come from the rank's own tokens. Those of experts come from other ranks' too.
  result_order_ = {weights_, weights_ + 1};
  for (const bool of_experts : {false, true}) {
    for (const Param& param : params.all()) {
      if (param.placement.cut_by(MeshAxis::expert) != of_experts) continue;
      result_order_.push_back(static_cast<size_t>(param.number));
    }
  }
  first_.resize(ranks);
  of_region_.resize(regions + 1);
  of_regions_.resize(ranks * (regions + 1));
  for (size_t region = 0; region <= regions; ++region) {
    const MeshAxes axes = region < regions ? params.regions()[region].axes : MeshAxes{};
    std::vector<int>& first = first_holder_.emplace_back();
    for (int rank = 0; rank < static_cast<int>(ranks); ++rank) {
      first.push_back(holders(axes, {session.mesh.shape(), rank}).front());
    }
  }
}

void Replay::take_memory(Arena& arena) {
  table_.take_memory(arena, kRows, static_cast<int64_t>(columns_));
}

void Replay::note_owned(Row row) {
  for (const Param& param : session_.model.params().all()) {
    table_.note(session_.exec, row, param.number, param.master);
  }
  auto column = static_cast<int64_t>(params_);
  for (const Buffer& buffer : session_.model.params().buffers()) {
    table_.note(session_.exec, row, column++, buffer.value);
  }
}

void Replay::note_update() {
  note_owned(kUpdated);
  has_update_ = true;
}

void Replay::check_weights(int64_t step) {
  note_owned(kOwned);
  for (const Param& param : session_.model.params().all()) {
    table_.note(session_.exec, kHeld, param.number, param.value);
    table_.note(session_.exec, kCopies, param.number, param.has_copy() ? param.compute : Tensor());
  }
  table_.read(session_.exec, kUpdated, kPass - kUpdated);
  if (has_update_) check_unchanged(step);
  has_update_ = false;
  check_alike(step);
  alike_at_ = step;
}

bool Replay::differs(Row a, Row b, size_t column) const {
  const auto at = static_cast<int64_t>(column);
  return table_.at(a, at) != table_.at(b, at);
}

// By rank, the first of `columns` in which two rows of its table differ, counted in that list; -1:
// none.
const std::vector<int32_t>& Replay::share_first(const std::vector<size_t>& columns, Row a, Row b) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](size_t column) { return differs(a, b, column); });
  int32_t first = found == columns.end() ? -1 : static_cast<int32_t>(found - columns.begin());
  Communicator& world = session_.mesh.world();
  world.all_gather(Tensor(first_.data(), DType::i32, {world.size(), 1}),
                   Tensor(&first, DType::i32, {1}), "replay");
  return first_;
}

void Replay::check_unchanged(int64_t step) {
  const std::vector<int32_t>& first = share_first(weight_order_, kUpdated, kOwned);
  std::vector<int> ranks;
  int32_t column = -1;
  for (size_t rank = 0; rank < first.size(); ++rank) {
    if (first[rank] < 0) continue;
    ranks.push_back(static_cast<int>(rank));
    if (column < 0 || first[rank] < column) column = first[rank];
  }
  if (ranks.empty()) return;
  throw RuntimeFailure(
      fmt::format(
          "step {}: the weights in the memory of {} are no longer those that the last "
          "update left; the first that differ are those of {}. Take the host out of service, and "
          "resume from a checkpoint of before step {} (--resume PATH)",
          step, name_ranks(ranks, session_.mesh), name_of_column(static_cast<size_t>(column)),
          step - 1),
      MetBy::every_rank);
}

// What ranks that hold the same part of a parameter have alike. Master weights are, unless one of
// them alone updates them.
uint64_t Replay::held(size_t column) const {
  const auto at = static_cast<int64_t>(column);
  const std::vector<ParamRegion>& regions = session_.model.params().regions();
  const size_t region = region_of_[column];
  const bool owned_by_one = region < regions.size() && regions[region].is_spread();
  const uint64_t masters = owned_by_one ? 0 : table_.at(kOwned, at);
  if (column >= params_) return masters;
  return masters + std::rotl(table_.at(kHeld, at), 21) + std::rotl(table_.at(kCopies, at), 42);
}

void Replay::check_alike(int64_t step) {
  std::fill(of_region_.begin(), of_region_.end(), uint64_t{0});
  for (size_t column = 0; column < weights_; ++column) {
    uint64_t& sum = of_region_[region_of_[column]];
    sum = std::rotl(sum, 1) * 3 + held(column);
  }
  Communicator& world = session_.mesh.world();
  world.all_gather(as_rows(of_regions_, world.size()), as_tensor(of_region_), "replay");
  const size_t regions = of_region_.size();
  for (size_t rank = 0; rank < first_.size(); ++rank) {
    for (size_t region = 0; region < regions; ++region) {
      const auto first = static_cast<size_t>(first_holder_[region][rank]);
      if (of_regions_[rank * regions + region] != of_regions_[first * regions + region]) {
        name_unlike(step);
      }
    }
  }
}

// Compares parameter by parameter, on all ranks, as all of them have found that some differ.
void Replay::name_unlike(int64_t step) {
  Communicator& world = session_.mesh.world();
  std::vector<uint64_t> mine(weights_), all(weights_ * first_.size());
  for (size_t column = 0; column < weights_; ++column) mine[column] = held(column);
  world.all_gather(as_rows(all, world.size()), as_tensor(mine), "replay");
  for (size_t column = 0; column < weights_; ++column) {
    for (int rank = 0; rank < world.size(); ++rank) {
      const std::vector<int>& first = first_holder_[region_of_[column]];
      if (first[static_cast<size_t>(rank)] != rank) continue;  // compared as that one's
      const std::vector<int> ranks = holders(axes_of(column), {session_.mesh.shape(), rank});
      std::vector<uint64_t> values;
      values.reserve(ranks.size());
      for (const int holder : ranks) {
        values.push_back(all[static_cast<size_t>(holder) * weights_ + column]);
      }
      const std::vector<int> found = unlike(ranks, values);
      if (found.empty()) continue;
      throw RuntimeFailure(
          fmt::format(
              "step {}: ranks that hold the same weights have different ones; {} {}, first "
              "in {}. {}; take the host out of service, and resume from a checkpoint of "
              "before (--resume PATH)",
              step, name_ranks(found, session_.mesh),
              found.size() == ranks.size() ? "differ from each other" : "differ from the others",
              name_of_column(column),
              alike_at_ > 0 ? fmt::format("They were the same at step {}", alike_at_)
                            : "They had not been compared since the run was started"),
          MetBy::every_rank);
    }
  }
  SY_CHECK(false, "regions differ of which no parameter does");
}

void Replay::note_gradients(ReplayPass pass, int first) {
  const int64_t row = kPass + static_cast<int64_t>(pass);
  const std::deque<Param>& params = session_.model.params().all();
  while (noted_from_ > first) {
    --noted_from_;
    table_.note(session_.exec, row, noted_from_, params[static_cast<size_t>(noted_from_)].grad);
  }
}

void Replay::note_statistics(ReplayPass pass) {
  const int64_t row = kPass + static_cast<int64_t>(pass);
  const auto column = static_cast<int64_t>(weights_);
  table_.note(session_.exec, row, column, session_.model.step_sums());
  table_.note(session_.exec, row, column + 1, session_.model.router_stats().counts);
  noted_from_ = static_cast<int>(params_);
}

void Replay::check_results(int64_t step) {
  table_.read(session_.exec, kPass, kRows - kPass);
  const std::vector<int32_t>& first =
      share_first(result_order_, kPass, static_cast<Row>(kPass + 1));
  // The ranks at which the fault is seen earliest, in the sense of result_order_.
  const auto stage_of = [&](int32_t place) {
    const size_t column = result_order_[static_cast<size_t>(place)];
    if (column >= weights_) return 0;
    return axes_of(column).has(MeshAxis::expert) ? 2 : 1;
  };
  int stage = 3;
  for (const int32_t place : first) {
    if (place >= 0) stage = std::min(stage, stage_of(place));
  }
  std::vector<int> ranks;
  int32_t earliest = -1;
  for (size_t rank = 0; rank < first.size(); ++rank) {
    if (first[rank] < 0 || stage_of(first[rank]) != stage) continue;
    ranks.push_back(static_cast<int>(rank));
    if (earliest < 0 || first[rank] < earliest) earliest = first[rank];
  }
  if (!ranks.empty()) name_unequal(step, ranks, result_order_[static_cast<size_t>(earliest)]);
}

void Replay::name_unequal(int64_t step, const std::vector<int>& ranks, size_t column) {
  const bool of_experts = column < weights_ && axes_of(column).has(MeshAxis::expert);
  const std::vector<int> others = exchanging_with(ranks.front(), session_.mesh.shape());
  std::string fault = "its processor or memory is at fault";
  if (!of_experts && !others.empty()) {
    fault +=
        fmt::format(", or that of {}, which computes for it", name_ranks(others, session_.mesh));
  }
  throw RuntimeFailure(
      fmt::format("step {}: computed twice from the same weights and batch, {} had different {} "
                  "{}: {}. The weights were not updated, and the last checkpoint is valid; take "
                  "the host out of service, and start the same command again to resume",
                  step, name_ranks(ranks, session_.mesh),
                  column < weights_ ? "gradients, first of" : "results:", name_of_column(column),
                  fault),
      MetBy::every_rank);
}

MeshAxes Replay::axes_of(size_t column) const {
  const std::vector<ParamRegion>& regions = session_.model.params().regions();
  const size_t region = region_of_[column];
  return region < regions.size() ? regions[region].axes : MeshAxes{};
}

std::string Replay::name_of_column(size_t column) const {
  const ParamStore& params = session_.model.params();
  if (column < params_) return params.all()[column].name;
  if (column < weights_) return params.buffers()[column - params_].name;
  return column == weights_ ? "the losses" : "the tokens of each expert";
}

}  // namespace sy
