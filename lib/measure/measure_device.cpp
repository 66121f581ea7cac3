// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/measure_device.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "kernels/gemm/gemm.h"
#include "lib/measure/call_waits.h"
#include "lib/measure/gemm_rate.h"
#include "lib/measure/known_devices.h"
#include "lib/measure/probes.h"
#include "lib/tensor/cuda/cuda_device.h"

namespace sy {
namespace {

// Assumed: the share of the rate on large squares that a step's large products reach.
constexpr double kProducts = 0.9;
// Assumed between the hosts of CPUs: 10 Gbit/s.
constexpr Link kBetweenHosts{2e-5, 1.25e9};

double product_rate(Communicator& world, Backend backend, int threads, DType dtype) {
  return spread_of(world, measure_peak_gemm_rate(backend, threads, dtype)).min;
}

// Float32 products of this rank.
struct ProductRates {
  double large = 0;            // FLOP/s on large squares
  std::vector<double> narrow;  // at kProductWidths, of as many rows as a small micro-batch has
};

// The best of rounds that are apart in time, so that one in which the machine was busy does not
// show in some widths alone. A wider product reaches no less: what seems so is noise.
ProductRates measure_products(int threads) {
  constexpr int64_t kRows = 2048, kSize = 1 << 9, kRounds = 3, kRepeats = 3;
  std::vector<std::unique_ptr<GemmRate>> widths;
  for (const int64_t width : kProductWidths) {
    const GemmShape shape{1, kRows, width, width, DType::f32, DType::f32, {}};
    const int64_t times = std::max<int64_t>(1, kSize * kSize / (width * width));
    widths.push_back(std::make_unique<GemmRate>(GemmCounts{{shape, times}}, Backend::cpu, threads));
  }
  ProductRates best{0, std::vector<double>(widths.size())};
  for (int64_t round = 0; round < kRounds; ++round) {
    best.large = std::max(best.large, measure_peak_gemm_rate(Backend::cpu, threads));
    for (size_t i = 0; i < widths.size() * kRepeats; ++i) {
      double& rate = best.narrow[i % widths.size()];
      rate = std::max(rate, widths[i % widths.size()]->measure());
    }
  }
  for (size_t i = 1; i < widths.size(); ++i) {
    best.narrow[i] = std::max(best.narrow[i], best.narrow[i - 1]);
  }
  return best;
}

Device cpu_device(MpiEnvironment& mpi, int threads) {
  Communicator& world = mpi.world();
  Device device;
  device.name = "cpu";
  device.memory_bytes = static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                        static_cast<double>(sysconf(_SC_PAGESIZE)) / mpi.local_size();
  const ProductRates products = measure_products(threads);
  device.float32_flops = spread_of(world, products.large).min;
  for (const double rate : products.narrow) {
    device.narrow_products.push_back(spread_of(world, rate).min / device.float32_flops);
  }
  device.bfloat16_flops = product_rate(world, Backend::cpu, threads, DType::bf16);
  device.memory_bytes_per_second = spread_of(world, memory_bandwidth(threads)).min;
  if (world.size() > 1) device.call_waits = measure_call_waits(world, threads);
  return device;
}

Device gpu_device(MpiEnvironment& mpi) {
  use_cuda_device(mpi.local_rank());
  const std::string name = cuda_device_name();
  if (std::optional<Device> device = known_device_of(name)) {
    device->float32_flops = product_rate(mpi.world(), Backend::cuda, 1, DType::f32);
    device->bfloat16_flops = product_rate(mpi.world(), Backend::cuda, 1, DType::bf16);
    return *device;
  }
  throw RuntimeFailure(
      fmt::format("no data sheet of the {} is known; write its description by hand "
                  "(docs/planning.md, \"Devices\")",
                  name),
      MetBy::every_rank);
}

// From an all-reduce of 4 bytes, which takes two latencies for each doubling of the ranks, and one
// of 16 MiB around a ring.
Link measured_link(Communicator& world, bool gpu) {
  constexpr int64_t kBytes = 16 << 20;
  const double ranks = world.size();
  const auto seconds = [&](int64_t bytes) {
    return gpu ? gpu_all_reduce_seconds(world, bytes) : all_reduce_seconds(world, bytes);
  };
  const double sent = 2 * (ranks - 1) / ranks * kBytes;
  return {seconds(4) / (2 * std::ceil(std::log2(ranks))), sent / seconds(kBytes)};
}

}  // namespace

Device measure_device(MpiEnvironment& mpi, int threads) {
  Communicator& world = mpi.world();
  const double usable = why_no_cuda_device().empty() ? 1 : 0;
  const bool gpu = spread_of(world, usable).min > 0;
  Device device = gpu ? gpu_device(mpi) : cpu_device(mpi, threads);
  device.gpu = gpu;
  device.product_efficiency = kProducts;
  device.ranks_per_host = mpi.local_size();
  const std::string assumed = gpu ? " and product_efficiency assumed" : " assumed";
  if (world.size() == 1) {
    if (!gpu) device.within_host = {1e-6, device.memory_bytes_per_second / 3};
    if (!gpu) device.between_hosts = kBetweenHosts;
    device.source = "measured on one rank; links" + assumed;
    return device;
  }
  const std::vector<std::string> hosts = gather_hosts(world);
  const bool one_host = std::set<std::string>(hosts.begin(), hosts.end()).size() == 1;
  device = with_measured_link(device, measured_link(world, gpu), one_host);
  device.source = (one_host ? "measured; between_hosts" : "measured; within_host") + assumed;
  return device;
}

Device with_measured_link(Device device, const Link& link, bool one_host) {
  // A GPU has its data sheet's for the other.
  if (one_host || !device.gpu) device.within_host = link;
  if (!one_host) {
    device.between_hosts = link;
  } else if (!device.gpu) {
    device.between_hosts = kBetweenHosts;
  }
  return device;
}

}  // namespace sy
