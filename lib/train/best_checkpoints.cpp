// SPDX-License-Identifier: Apache-2.0
#include "lib/train/best_checkpoints.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/layout.h"

namespace sy {
namespace fs = std::filesystem;
namespace {

// The value of each task on rank 0, on every rank.
std::vector<double> shared_values(const std::vector<TaskScores>& scores, Communicator& world) {
  std::vector<double> values;
  values.reserve(scores.size());
  for (const TaskScores& of : scores) values.push_back(of.mean());
  if (!values.empty()) {
    world.broadcast(Tensor(values.data(), DType::f64, {std::ssize(values)}), 0, "task scores");
  }
  return values;
}

void remove_dead_links(const fs::path& folder) {
  std::vector<std::string> dead;
  std::error_code absent;
  for (fs::directory_iterator entry(folder, absent), end; !absent && entry != end;
       entry.increment(absent)) {
    if (entry->is_symlink() && !fs::exists(entry->path())) dead.push_back(entry->path().string());
  }
  for (const std::string& link : dead) checkpoint::remove_path(link);
}

// The link appears under its name in one step, also in place of another.
void replace_link(const std::string& link, const std::string& target) {
  const std::string fresh = link + ".new";
  checkpoint::remove_path(fresh);
  std::error_code error;
  fs::create_directory_symlink(target, fresh, error);
  if (error) throw RuntimeFailure(fmt::format("cannot make {}: {}", fresh, error.message()));
  checkpoint::rename_path(fresh, link);
}

}  // namespace

bool update_best(std::vector<BestCheckpoint>& best, int64_t step,
                 const std::vector<TaskScores>& scores, Communicator& world) {
  const std::vector<double> values = shared_values(scores, world);
  bool better = false;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    const auto known = std::find_if(best.begin(), best.end(), [&](const BestCheckpoint& each) {
      return each.task == scores[i].task;
    });
    if (known != best.end() && !(values[i] > known->value)) continue;
    better = true;
    const BestCheckpoint now{scores[i].task, step, values[i]};
    if (known == best.end()) {
      best.push_back(now);
    } else {
      *known = now;
    }
  }
  return better;
}

std::vector<int64_t> steps_of(const std::vector<BestCheckpoint>& best) {
  std::vector<int64_t> steps;
  steps.reserve(best.size());
  for (const BestCheckpoint& each : best) steps.push_back(each.step);
  return steps;
}

void link_best(const std::string& run_folder, const std::vector<BestCheckpoint>& best) {
  const std::string folder = run_folder + "/best";
  remove_dead_links(folder);
  for (const BestCheckpoint& each : best) {
    const std::string target = "checkpoints/" + checkpoint::committed_name(each.step);
    if (!fs::exists(run_folder + "/" + target)) continue;
    checkpoint::make_folder(folder);
    replace_link(best_path(run_folder, each.task), "../" + target);
  }
}

std::string best_path(const std::string& run_folder, const std::string& task) {
  return run_folder + "/best/" + task;
}

}  // namespace sy
