// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/known_devices.h"

#include <algorithm>
#include <iterator>

#include "lib/measure/datasheet.h"

namespace sy {
namespace {

constexpr double kGiga = 1e9, kMebi = 1 << 20;
constexpr double kProducts = 0.6, kMemory = 0.8, kLinks = 0.7;
constexpr double kWithinLatency = 10e-6, kBetweenLatency = 20e-6;  // of a collective over NCCL

// Memory in MiB as nvidia-smi reports it; the A100's is the 80 GB of its data sheet, taken as GiB.
// Bytes per second from NVIDIA's data sheets: of the memory, of NVLink in one direction; and of a
// host's network adapter per GPU (400 Gbit/s, for the A100 200), which is the host's, not the
// GPU's.
struct Sheet {
  const char *name, *gpu;  // ours, and the whole name that CUDA gives
  double mebibytes, memory, nvlink, adapter;
};
constexpr Sheet kSheets[] = {
    {"A100", "NVIDIA A100-SXM4-80GB", 81920, 2039 * kGiga, 300 * kGiga, 25 * kGiga},
    {"H100", "NVIDIA H100 80GB HBM3", 81559, 3350 * kGiga, 450 * kGiga, 50 * kGiga},
    {"H200", "NVIDIA H200", 143771, 4800 * kGiga, 450 * kGiga, 50 * kGiga},
};

Device device_of(const Sheet& sheet) {
  Device device;
  device.name = sheet.name;
  device.gpu = true;
  device.memory_bytes = sheet.mebibytes * kMebi;
  device.float32_flops = datasheet_rate(sheet.gpu, DType::f32).value();
  device.bfloat16_flops = datasheet_rate(sheet.gpu, DType::bf16).value();
  device.product_efficiency = kProducts;
  device.memory_bytes_per_second = kMemory * sheet.memory;
  device.ranks_per_host = 8;
  device.within_host = {kWithinLatency, kLinks * sheet.nvlink};
  device.between_hosts = {kBetweenLatency, kLinks * sheet.adapter};
  device.source = "data sheet; assumed efficiencies: products 0.6, memory 0.8, links 0.7";
  return device;
}

}  // namespace

std::vector<Device> known_devices() {
  std::vector<Device> devices;
  for (const Sheet& sheet : kSheets) devices.push_back(device_of(sheet));
  return devices;
}

std::optional<Device> known_device_of(const std::string& gpu) {
  const auto sheet =
      std::ranges::find_if(kSheets, [&gpu](const Sheet& each) { return gpu == each.gpu; });
  if (sheet == std::end(kSheets)) return std::nullopt;
  Device device = device_of(*sheet);
  device.name = gpu;
  return device;
}

}  // namespace sy
