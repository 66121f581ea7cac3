// SPDX-License-Identifier: Apache-2.0
#include "lib/train/best_checkpoints.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "lib/checkpoint/durable.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
namespace fs = std::filesystem;

std::vector<TaskScores> scores_of(double rte, double cola) {
  return {{"rte", {{"accuracy", rte}}}, {"cola", {{"matthews", cola}, {"accuracy", 50}}}};
}

TEST_CASE("best_checkpoints: the mean of a task's scores, and the first of equal ones",
          "[best_checkpoints]") {
  const auto world = make_self_communicator();
  std::vector<BestCheckpoint> best;
  const auto update = [&](int64_t step, double rte, double cola) {
    return update_best(best, step, scores_of(rte, cola), *world);
  };
  CHECK(update(10, 60, 0));
  CHECK(steps_of(best) == std::vector<int64_t>{10, 10});
  CHECK_FALSE(update(20, 60, -5));
  CHECK(update(30, 61, -5));
  CHECK(update(40, 61, 20));
  CHECK_FALSE(update(50, std::nan(""), 10));
  CHECK(steps_of(best) == std::vector<int64_t>{30, 40});
  CHECK(best[0].value == 61);
  CHECK(best[1].value == 35);  // of 20 and 50
}

TEST_CASE("best_checkpoints: links follow what is committed", "[best_checkpoints]") {
  const std::string run = test::temporary_folder();
  const auto target = [&](const std::string& task) {
    return fs::read_symlink(best_path(run, task)).string();
  };
  checkpoint::make_folder(run + "/checkpoints/step-00000010");
  link_best(run, {{"rte", 10, 60}, {"cola", 20, 1}});
  CHECK(target("rte") == "../checkpoints/step-00000010");
  CHECK_FALSE(fs::exists(fs::symlink_status(best_path(run, "cola"))));
  checkpoint::make_folder(run + "/checkpoints/step-00000020");
  link_best(run, {{"rte", 20, 61}, {"cola", 20, 1}});
  CHECK(target("rte") == "../checkpoints/step-00000020");
  CHECK(target("cola") == "../checkpoints/step-00000020");
  fs::remove(run + "/checkpoints/step-00000020");
  link_best(run, {{"rte", 10, 60}});
  CHECK(target("rte") == "../checkpoints/step-00000010");
  CHECK_FALSE(fs::exists(fs::symlink_status(best_path(run, "cola"))));
}

}  // namespace
}  // namespace sy
