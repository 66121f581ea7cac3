// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/execute.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

#include "lib/plan/plan.h"
#include "lib/plan/rehearsal.h"
#include "lib/plan/slab_ledger.h"
#include "lib/train/checkpointing.h"

namespace sy {
namespace {

// Plans all ranks into the ledgers.
class Planner {
 public:
  Planner(const PlanInput& input, bool compare_rows)
      : input_(input), compare_rows_(compare_rows), calls_(input.shape.ranks) {}

  void run(int workers) {
    std::vector<std::thread> threads;
    threads.reserve(static_cast<size_t>(workers));
    for (int i = 0; i < workers; ++i) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

  const CallLedger& calls() const { return calls_; }
  const SlabLedger& slabs() const { return slabs_; }
  const TrainStep::Memory& most() const { return most_; }

 private:
  // The first failure ends all workers; it would be every rank's.
  void work() {
    try {
      for (int rank = next_++; rank < input_.shape.ranks; rank = next_++) plan(rank);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      next_ = input_.shape.ranks;
    }
  }

  void plan(int rank) {
    LedgerListener listener(calls_, rank, compare_rows_);
    RankPlan planned(input_, rank, &listener);
    slabs_.add(rank, checkpoint_tensors(planned.session, &planned.step.optimizer()));
    const std::lock_guard lock(mutex_);
    raise_regions(most_, planned.step.memory());
  }

  const PlanInput& input_;
  bool compare_rows_;
  CallLedger calls_;
  SlabLedger slabs_;
  std::atomic<int> next_ = 0;
  std::mutex mutex_;
  TrainStep::Memory most_;
  std::exception_ptr failure_;
};

}  // namespace

Executed execute_plan(const PlanInput& input, int workers) {
  Executed executed;
  executed.ranks = input.shape.ranks;
  executed.rows_compared = input.config.model.experts.capacity != CapacityMode::dropless;
  Planner planner(input, executed.rows_compared);
  planner.run(std::max(1, workers));
  for (int rank = 0; rank < executed.ranks; ++rank) {
    executed.calls += std::ssize(planner.calls().calls(rank));
  }
  executed.tensors = planner.slabs().tensors();
  executed.slabs = planner.slabs().slabs();
  executed.checkpoint_bytes = planner.slabs().bytes();
  executed.most = planner.most();
  executed.fault = find_call_fault(planner.calls(), input.shape);
  if (executed.fault.empty()) executed.fault = planner.slabs().find_fault();
  return executed;
}

std::string executed_text(const Executed& executed) {
  std::string text = fmt::format(
      "{} ranks planned: {} collectives, a checkpoint of {} tensors in {} slabs, {}; at most {} a "
      "rank\n",
      executed.ranks, executed.calls, executed.tensors, executed.slabs,
      bytes_text(static_cast<double>(executed.checkpoint_bytes)),
      bytes_text(static_cast<double>(executed.most.total())));
  if (!executed.rows_compared) {
    text += "dropless: how many rows each pair of ranks exchanges is not known in advance\n";
  }
  return text +
         (executed.fault.empty() ? "every call is matched, and every element is written once"
                                 : executed.fault) +
         "\n";
}

Json executed_json(const Executed& executed) {
  return {{"ranks", executed.ranks},
          {"collectives", executed.calls},
          {"tensors", executed.tensors},
          {"slabs", executed.slabs},
          {"checkpoint_bytes", executed.checkpoint_bytes},
          {"memory_bytes_per_rank",
           {{"parameters", executed.most.model.parameters},
            {"gradients", executed.most.model.gradients},
            {"optimizer", executed.most.optimizer},
            {"activations", executed.most.model.activations},
            {"scratch", executed.most.model.scratch}}},
          {"rows_compared", executed.rows_compared},
          {"fault", executed.fault}};
}

}  // namespace sy
