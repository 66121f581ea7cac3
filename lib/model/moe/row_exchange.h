// SPDX-License-Identifier: Apache-2.0
// The all-to-all between the slots of the ranks that have the tokens and the rows of the ranks that
// have the experts (docs/math-moe.md, "Where things lie"). The rows of an expert are contiguous,
// ordered by source rank. So an expert needs no more GEMMs than on a single rank, and its weights
// are read, and their gradients written, once.
//
// Rows are sent in parts, so that experts compute on one part while the next is in transit. A part
// covers some of the experts of each rank or, if a rank has one expert, a share of the rows from
// each rank.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "lib/dist/communicator.h"
#include "lib/model/context.h"
#include "lib/model/moe/experts.h"

namespace sy {

// Number of parts when communication overlaps with the experts. More parts would hide little more:
// the first to arrive and the last to leave overlap with nothing, and smaller parts mean smaller
// GEMMs.
constexpr size_t kExchangeParts = 2;

struct ExchangePart {
  std::vector<RowRange> slots;  // [expert_ranks, n]: rows for the part's n experts of each rank
  std::vector<RowRange> rows;   // [expert_ranks, n]: rows from each rank for the n experts here
  ExpertRows experts;           // the rows that arrive with it
};

struct RowExchange {
  // Rows per pair of rank and expert: sent from here to the experts of each rank, and received from
  // each rank by the experts here. Set by the planner.
  std::vector<int32_t> sent, received;  // [expert_ranks, E_local]
  Tensor sources;                       // dropless: `received` in the exec's memory
  std::vector<ExchangePart> parts;
  ExpertRows all;  // all parts together

  // Fixed capacity: the same number of rows, `each`, for every pair.
  void plan_even(int64_t expert_ranks, int64_t local_experts, int64_t each, size_t parts);
  // Dropless: plans from sent and received. plan_most is for unknown counts and plans one part with
  // the maximum number of rows: all `slots` rows of this rank go to another one, and those of all
  // other ranks come here. `sources` must be set before.
  void plan_ragged(int64_t local_experts, size_t parts);
  void plan_most(int64_t expert_ranks, int64_t rank, int64_t local_experts, int64_t slots);
};

// The number of parts that pays off. With one expert rank nothing is sent, and on the CPU messages
// progress only inside MPI calls, not while experts compute.
size_t exchange_parts(const LayerContext& context);

// Sends rows to the experts, or results back, in parts. Tensors and labels must outlive it. With
// one expert rank, slots and rows are the same memory and nothing is sent.
class RowTransfer {
 public:
  RowTransfer(const LayerContext& context, const RowExchange& exchange, const std::string& label);

  // start_to_experts overwrites all parts of rows [R, ...] from the slots [S, ...] of all ranks;
  // start_back overwrites one part of slots from the rows of all ranks.
  void start_to_experts(Tensor rows, Tensor slots);
  void start_back(size_t part, Tensor slots, Tensor rows);
  void wait(size_t part);
  void wait_all();

 private:
  void start(size_t part, Tensor to, const std::vector<RowRange>& receives, Tensor from,
             const std::vector<RowRange>& sends);

  const LayerContext& context_;
  const RowExchange& exchange_;
  const std::string& label_;
  std::array<RequestPtr, kExchangeParts> requests_;
};

// Sends rows to the experts, lets them compute on each part, and sends the results back.
class TokenDispatcher {
 public:
  TokenDispatcher(const LayerContext& context, const RowExchange& exchange,
                  const std::string& there, const std::string& back)
      : exchange_(exchange), there_(context, exchange, there), back_(context, exchange, back) {}

  void start(Tensor rows, Tensor slots) { there_.start_to_experts(rows, slots); }
  // Calls compute(ExpertRows) for each part when it has arrived, then sends the new contents of
  // that part of `rows` back to `slots`.
  template <class Compute>
  void compute_parts(Tensor slots, Tensor rows, Compute&& compute) {
    for (size_t part = 0; part < exchange_.parts.size(); ++part) {
      there_.wait(part);
      compute(exchange_.parts[part].experts);
      back_.start_back(part, slots, rows);
    }
  }
  void finish() { back_.wait_all(); }

 private:
  const RowExchange& exchange_;
  RowTransfer there_, back_;
};

}  // namespace sy
