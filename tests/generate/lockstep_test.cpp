// SPDX-License-Identifier: Apache-2.0
// What one rank alone gets; ranks that wait for each other: e2e.finetune.
#include "lib/generate/lockstep.h"

#include <catch2/catch.hpp>

#include "tests/generate/table_model.h"

namespace sy {
namespace {
using namespace test;

// Counts what it is asked for.
class Counting : public TableModel {
 public:
  using TableModel::TableModel;
  void begin(std::span<const std::vector<int32_t>> prompts) override {
    begun.push_back(std::ssize(prompts));
    TableModel::begin(prompts);
  }
  std::vector<int64_t> begun;
};

TEST_CASE("lockstep: the targets of the model alone, in batches that are always full",
          "[lockstep]") {
  GenerateOptions options;
  options.strategy = GENERATE(Strategy::greedy, Strategy::beam);
  options.batch = 4;
  options.beams = 3;
  options.max_length = 6;
  const Prompts prompts{{3, 1}, {2}, {4, 4, 1}, {5, 1}, {6, 2, 2, 1}, {1}};
  TableModel alone(12, 3);
  Counting counting(12, 3);
  const auto self = make_self_communicator();
  Lockstep lockstep(counting, *self, 4);
  const std::vector<Generated> expected = generate(alone, prompts, options);
  const std::vector<Generated> targets = generate(lockstep, prompts, options);
  lockstep.finish();
  REQUIRE(targets.size() == expected.size());
  for (size_t i = 0; i < targets.size(); ++i) CHECK(targets[i].ids == expected[i].ids);
  CHECK(counting.begun == std::vector<int64_t>{4, 4});
  CHECK(counting.rows_run == alone.rows_run);
  lockstep.begin({});
  lockstep.finish();
  CHECK(counting.begun.back() == 4);
}

}  // namespace
}  // namespace sy
