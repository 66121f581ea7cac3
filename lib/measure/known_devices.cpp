// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/known_devices.h"

#include "lib/measure/datasheet.h"

namespace sy {
namespace {

constexpr double kGiga = 1e9, kGibi = 1 << 30;
constexpr double kProducts = 0.6, kMemory = 0.8, kLinks = 0.7;
constexpr double kWithinLatency = 10e-6, kBetweenLatency = 20e-6;  // of a collective over NCCL

// Bytes per second from NVIDIA's data sheets: of the memory, of NVLink in one direction; and of a
// host's network adapter per GPU (400 Gbit/s, for the A100 200), which is the host's, not the
// GPU's.
struct Sheet {
  const char *name, *gpu;  // ours, and that of datasheet.h
  double gibibytes, memory, nvlink, adapter;
};
constexpr Sheet kSheets[] = {
    {"A100", "NVIDIA A100", 80, 2039 * kGiga, 300 * kGiga, 25 * kGiga},
    {"H100", "NVIDIA H100 80GB HBM3", 80, 3350 * kGiga, 450 * kGiga, 50 * kGiga},
    {"H200", "NVIDIA H200", 141e9 / kGibi, 4800 * kGiga, 450 * kGiga, 50 * kGiga},
};

}  // namespace

std::vector<Device> known_devices() {
  std::vector<Device> devices;
  for (const Sheet& sheet : kSheets) {
    Device device;
    device.name = sheet.name;
    device.gpu = true;
    device.memory_bytes = sheet.gibibytes * kGibi;
    device.float32_flops = datasheet_rate(sheet.gpu, DType::f32).value();
    device.bfloat16_flops = datasheet_rate(sheet.gpu, DType::bf16).value();
    device.product_efficiency = kProducts;
    device.memory_bytes_per_second = kMemory * sheet.memory;
    device.ranks_per_host = 8;
    device.within_host = {kWithinLatency, kLinks * sheet.nvlink};
    device.between_hosts = {kBetweenLatency, kLinks * sheet.adapter};
    device.source = "data sheet; assumed efficiencies: products 0.6, memory 0.8, links 0.7";
    devices.push_back(device);
  }
  return devices;
}

std::optional<Device> known_device_of(const std::string& gpu) {
  for (Device device : known_devices()) {
    if (gpu.find(device.name) == std::string::npos) continue;
    device.name = gpu;
    return device;
  }
  return std::nullopt;
}

}  // namespace sy
