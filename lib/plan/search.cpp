// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/search.h"

#include <algorithm>
#include <optional>
#include <set>

#include "lib/config/config.h"
#include "lib/plan/plan.h"

namespace sy {
namespace {

// The smallest micro-batch that holds whole routing groups. That of `config`, which is valid, does.
int64_t smallest_batch(RunConfig config) {
  const int64_t own = config.train.micro_batch;
  int64_t& size = config.train.micro_batch;
  for (size = 1; size < own; ++size) {
    if (find_errors(config).empty()) return size;
  }
  return own;
}

std::string first_line(const ConfigError& error) {
  const std::string message = error.what();
  return message.substr(0, message.find('\n'));
}

class Search {
 public:
  Search(const RunConfig& config, const SearchOptions& options)
      : config_(config),
        options_(options),
        base_(plan_input(valid(config), 1, options.threads, options.device.gpu)),
        smallest_batch_(smallest_batch(base_.config)) {}

  std::vector<Candidate> run() {
    for (const std::vector<MeshChoice>& choices : mesh_choices(config_, options_.ranks)) {
      try_mesh(choices);
    }
    refuse_common_fault();
    std::ranges::stable_sort(found_, [](const Candidate& a, const Candidate& b) {
      if (a.fault.empty() != b.fault.empty()) return a.fault.empty();
      return a.fault.empty() && a.time.total() < b.time.total();
    });
    return std::move(found_);
  }

 private:
  // On one rank: the tokenizer, and errors that every mesh would have, before any is tried.
  static RunConfig valid(RunConfig config) {
    MeshChoice alone;
    alone.micro_batch = config.train.micro_batch;
    alone.apply(config);
    return config;
  }

  // What no micro-batch makes possible without any of the variants, none of them does.
  void try_mesh(const std::vector<MeshChoice>& choices) {
    for (const MeshChoice& choice : choices) {
      if (!try_batches(choice) && &choice == &choices.front()) return;
    }
  }

  // Powers of two of the smallest, and the configuration's own.
  std::set<int64_t> micro_batches(int64_t most) const {
    std::set<int64_t> sizes{smallest_batch_};
    for (int64_t size = smallest_batch_; size <= most; size *= 2) sizes.insert(size);
    if (config_.train.micro_batch <= most) sizes.insert(config_.train.micro_batch);
    return sizes;
  }

  // Micro-batches that do not fit the mesh are passed over; if none does, the first has the reason.
  // Larger ones take more memory, and what else is wrong stays wrong: the first that fails ends the
  // row. Returns whether any fits the mesh.
  bool try_batches(MeshChoice choice) {
    std::optional<Candidate> unfit;
    bool any = false;
    for (const int64_t size :
         micro_batches(config_.train.global_batch / (options_.ranks / choice.model))) {
      choice.micro_batch = size;
      PlanInput input = base_;
      choice.apply(input.config);
      try {
        input.shape = mesh_shape(input.config, options_.ranks);
      } catch (const ConfigError& error) {
        if (!unfit) unfit = Candidate{choice, 0, {}, first_line(error)};
        continue;
      }
      any = true;
      found_.push_back(plan(choice, input));
      if (!found_.back().fault.empty()) return true;
    }
    if (!any) found_.push_back(unfit.value());
    return any;
  }

  Candidate plan(const MeshChoice& choice, const PlanInput& input) const {
    Candidate candidate{choice, 0, {}, ""};
    try {
      RankPlan first(input, 0);
      const TrainStep::Memory memory = largest_memory(input, first);
      candidate.bytes =
          total_bytes(memory_regions(input, first, memory, options_.device), input.on_gpu);
      if (!fits_memory(candidate)) {
        candidate.fault = fmt::format("needs {}, and a rank has {}",
                                      bytes_text(static_cast<double>(candidate.bytes)),
                                      bytes_text(options_.memory_limit));
      } else {
        candidate.time = estimate_step(input, first, memory, options_.device);
      }
    } catch (const ConfigError& error) {
      candidate.fault = first_line(error);
    }
    return candidate;
  }

  bool fits_memory(const Candidate& candidate) const {
    return static_cast<double>(candidate.bytes) <= options_.memory_limit;
  }

  void refuse_common_fault() const {
    const std::string& fault = found_.front().fault;
    const bool common = std::ranges::all_of(
        found_, [&](const Candidate& each) { return each.fault == fault && fits_memory(each); });
    if (common && !fault.empty()) throw ConfigError(fault);
  }

  RunConfig config_;
  SearchOptions options_;
  PlanInput base_;
  int64_t smallest_batch_;
  std::vector<Candidate> found_;
};

}  // namespace

std::vector<Candidate> search_meshes(const RunConfig& config, const SearchOptions& options) {
  return Search(config, options).run();
}

}  // namespace sy
