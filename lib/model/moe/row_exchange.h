// How rows travel between the slots of the ranks that have the tokens and the rows of the ranks
// that have the experts (docs/math-moe.md, "Where things lie"), and how they lie there: an expert's
// rows together, by the rank they came from. So an expert's products are as few as on one rank,
// and its weights are read, and their gradients written, once.
//
// Rows travel in parts, so that the experts compute on one while the next is on its way: some of
// the experts each or, where a rank has one expert, a piece of what every rank sends it.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "lib/dist/communicator.h"
#include "lib/model/context.h"
#include "lib/model/moe/experts.h"

namespace sy {

// Parts of an exchange that travels beside the experts' work. More would hide little more: what
// comes first and what goes last has nothing beside it, and every part's products are smaller.
constexpr size_t kExchangeParts = 2;

struct ExchangePart {
  std::vector<RowRange> slots;  // [expert_ranks, n]: rows for the part's n experts of each rank
  std::vector<RowRange> rows;   // [expert_ranks, n]: rows from each rank for the n experts here
  ExpertRows experts;           // the rows that have arrived with it
};

struct RowExchange {
  // Rows of each pair of expert and rank, set by whoever plans: from here to the experts of each
  // rank, and to the experts here from each rank.
  std::vector<int32_t> sent, received;  // [expert_ranks, E_local]
  Tensor sources;                       // dropless: received, in the exec's memory
  std::vector<ExchangePart> parts;
  ExpertRows all;  // of all parts

  // Fixed capacity: as many rows for every pair.
  void plan_even(int64_t expert_ranks, int64_t local_experts, int64_t each, size_t parts);
  // Dropless: from sent and received; where they are not known, one part of as many rows as there
  // can be: all `slots` rows of this rank go to another one, and those of all others come here.
  // `sources` is set before.
  void plan_ragged(int64_t local_experts, size_t parts);
  void plan_most(int64_t expert_ranks, int64_t rank, int64_t local_experts, int64_t slots);
};

// The parts that pay. With one expert rank nothing travels, and on the CPU messages move while MPI
// is called, not beside the experts.
size_t exchange_parts(const LayerContext& context);

// The way of one tensor's rows to the experts, or of another's back, in parts. Tensors and labels
// must outlive it. With one expert rank slots and rows are the same memory and nothing is sent.
class RowTransfer {
 public:
  RowTransfer(const LayerContext& context, const RowExchange& exchange, const std::string& label);

  // rows [R, ...] is overwritten from the slots [S, ...] of all ranks, every part of it; or a part
  // of slots from the rows of all ranks.
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

// To the experts and back, with their work on each part in between.
class RoundTrip {
 public:
  RoundTrip(const LayerContext& context, const RowExchange& exchange, const std::string& there,
            const std::string& back)
      : exchange_(exchange), there_(context, exchange, there), back_(context, exchange, back) {}

  void start(Tensor rows, Tensor slots) { there_.start_to_experts(rows, slots); }
  // Calls compute(ExpertRows) for each part once it is there, then sends back what it has left in
  // that part of `rows`, to `slots`.
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
