// SPDX-License-Identifier: Apache-2.0
// Not run by default: build/tests/checkpoint_tests "[checkpoint_speed]" prints the times of a
// checkpoint of $SWITCHYARD_SPEED_MIB (600) MiB in $TMPDIR.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kTensors = 12;

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST_CASE("checkpoint: speed", "[.][checkpoint_speed]") {
  const char* wanted = std::getenv("SWITCHYARD_SPEED_MIB");
  const int64_t mib = wanted == nullptr ? 600 : std::atoll(wanted);
  const int64_t rows = (mib << 20) / kTensors / 4 / 1024;
  std::vector<float> memory(static_cast<size_t>(kTensors * rows * 1024), 1.5F);
  std::vector<CheckpointTensor> tensors;
  for (int64_t i = 0; i < kTensors; ++i) {
    const Tensor local(memory.data() + i * rows * 1024, DType::f32, {rows, 1024});
    tensors.push_back(whole_tensor("parameters/" + std::to_string(i), local));
  }
  const std::string folder = temporary_folder();
  CheckpointWriter writer(folder, 0, 1, 1);
  for (int64_t step = 1; step <= 3; ++step) {
    const double start = seconds([&] { writer.start(tensors, {step, "", "{}", {}, ""}); });
    const double write = seconds([&] { writer.wait_ready(); });
    const double commit = seconds([&] { writer.commit(); });
    const CheckpointReader reader(newest_checkpoint(folder));
    const double read = seconds([&] { reader.read(tensors); });
    fmt::print(
        "step {}: start() {:.3f} s, shard {:.3f} s ({:.0f} MB/s), commit {:.3f} s, read {:.3f} s "
        "({:.0f} MB/s)\n",
        step, start, write, static_cast<double>(mib << 20) / 1e6 / write, commit, read,
        static_cast<double>(mib << 20) / 1e6 / read);
  }
  CHECK(memory.front() == 1.5F);
}

}  // namespace
}  // namespace sy
