// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/probes.h"

#include <hdf5.h>
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <utility>

#include "lib/base/core_set.h"
#include "lib/base/process.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/hdf5/hdf5_file.h"
#include "lib/dist/nccl/nccl_communicator.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Does not stay, whatever happens.
struct RemovedFile {
  explicit RemovedFile(std::string path_) : path(std::move(path_)) {}
  ~RemovedFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  RemovedFile(const RemovedFile&) = delete;
  RemovedFile& operator=(const RemovedFile&) = delete;
  const std::string path;
};

// The best of `rounds`. All ranks start a round together; its slowest rank decides how long it
// took.
double best_round(Communicator& world, int rounds, const std::function<void()>& run) {
  run();  // warm-up: opens connections and touches memory
  double best = 1e30;
  for (int round = 0; round < rounds; ++round) {
    world.barrier("doctor round");
    const auto start = Clock::now();
    run();
    best = std::min(best, spread_of(world, seconds_since(start)).max);
  }
  return best;
}

}  // namespace

Spread spread_of(Communicator& world, double value) {
  std::vector<double> values(static_cast<size_t>(world.size()));
  world.all_gather(Tensor(values.data(), DType::f64, {world.size(), 1}),
                   Tensor(&value, DType::f64, {1}), "doctor spread");
  Spread spread{values[0], values[0], 0, 0};
  for (int rank = 0; rank < world.size(); ++rank) {
    const double each = values[static_cast<size_t>(rank)];
    if (each < spread.min) spread.min_rank = rank;
    spread.min = std::min(spread.min, each);
    spread.max = std::max(spread.max, each);
    spread.sum += each;
  }
  return spread;
}

std::vector<std::string> gather_hosts(Communicator& world) {
  constexpr int64_t kMaxLength = 256;
  // Communicators carry no bytes, so each character travels as an int32.
  const std::string name = host_name();
  std::vector<int32_t> mine(name.begin(), name.end());
  mine.resize(kMaxLength);
  std::vector<int32_t> all(mine.size() * static_cast<size_t>(world.size()));
  world.all_gather(Tensor(all.data(), DType::i32, {world.size(), kMaxLength}),
                   Tensor(mine.data(), DType::i32, {kMaxLength}), "doctor hosts");
  std::vector<std::string> hosts;
  for (int rank = 0; rank < world.size(); ++rank) {
    const int32_t* host = all.data() + rank * kMaxLength;
    hosts.emplace_back(host, std::find(host, host + kMaxLength, 0));
  }
  return hosts;
}

double all_reduce_seconds(Communicator& world, int64_t bytes) {
  const int64_t count = bytes / static_cast<int64_t>(sizeof(float));
  std::vector<float> values(static_cast<size_t>(count));
  const Tensor tensor(values.data(), DType::f32, {count});
  return best_round(world, 10, [&] { world.all_reduce_sum(tensor, "doctor all-reduce"); });
}

double gpu_all_reduce_seconds(Communicator& world, int64_t bytes) {
  Exec exec;
  exec.backend = Backend::cuda;
  const Memory memory(MemoryKind::device, bytes, "doctor");
  const Tensor tensor(memory.data(), DType::f32, {bytes / static_cast<int64_t>(sizeof(float))});
  const auto group = make_nccl_communicator(world, exec);
  return best_round(world, 10, [&] {
    group->all_reduce_sum(tensor, "doctor all-reduce");
    synchronize(exec);
  });
}

double all_to_all_seconds(Communicator& world, int64_t bytes) {
  const int64_t count = bytes / static_cast<int64_t>(sizeof(float)) / world.size();
  std::vector<float> send(static_cast<size_t>(count * world.size())), recv(send.size());
  const Shape shape{world.size(), count};
  return best_round(world, 10, [&] {
    world.all_to_all(Tensor(recv.data(), DType::f32, shape), Tensor(send.data(), DType::f32, shape),
                     "doctor all-to-all");
  });
}

int allowed_cores() {
  return std::max(1, static_cast<int>(cores_of(0).size()));
}

int node_cores() {
  return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}

double memory_bandwidth(int threads) {
  constexpr int64_t kCount = 8 << 20;  // 32 MiB each: larger than most caches
  std::vector<float> a(kCount), b(kCount, 1.0f), c(kCount, 2.0f);
  double best = 1e30;
  for (int round = 0; round < 5; ++round) {
    const auto start = Clock::now();
#pragma omp parallel for simd num_threads(threads) schedule(static)
    for (int64_t i = 0; i < kCount; ++i) a[i] = b[i] + 3.0f * c[i];
    best = std::min(best, seconds_since(start));
  }
  return 3.0 * kCount * sizeof(float) / best;
}

double hdf5_write_rate(const std::string& folder, int rank, int64_t bytes) {
  std::vector<float> values(static_cast<size_t>(bytes) / sizeof(float), 1.0f);
  const RemovedFile removed{
      fmt::format("{}/.doctor-{}-{}-{}.h5", folder, host_name(), getpid(), rank)};
  const std::string& path = removed.path;
  checkpoint::make_folder(folder);
  const auto start = Clock::now();
  auto file = checkpoint::Hdf5File::create(path);
  file.write("values", Tensor(values.data(), DType::f32, {static_cast<int64_t>(values.size())}));
  file.close();
  checkpoint::sync_path(path);
  return static_cast<double>(bytes) / seconds_since(start);
}

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace sy
