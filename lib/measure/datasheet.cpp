// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/datasheet.h"

#include <cctype>

namespace sy {
namespace {

constexpr double kTera = 1e12;

struct Sheet {
  const char* gpu;  // the beginning of its name; the first that fits counts
  double bfloat16, float32;
};

// NVIDIA's data sheets: "A100 Tensor Core GPU" (2021), "A30 Tensor Core GPU" (2022), "H100 Tensor
// Core GPU" and "H100 NVL" (2023), "GH200 Grace Hopper Superchip" (2023), "H200 Tensor Core GPU"
// (2024). Those that state tensor cores with sparsity are halved.
constexpr Sheet kSheets[] = {
    {"NVIDIA A100", 312 * kTera, 19.5 * kTera},
    {"NVIDIA A30", 165 * kTera, 10.3 * kTera},
    {"NVIDIA GH200", 989.5 * kTera, 67 * kTera},
    {"NVIDIA H100 PCIe", 756.5 * kTera, 51 * kTera},
    {"NVIDIA H100 NVL", 835.5 * kTera, 60 * kTera},
    {"NVIDIA H100 80GB HBM3", 989.5 * kTera, 67 * kTera},
    {"NVIDIA H200 NVL", 835.5 * kTera, 60 * kTera},
    {"NVIDIA H200", 989.5 * kTera, 67 * kTera},
};

// Whether `name` begins with `beginning` and the word ends there: an A30 is no A30X.
bool begins(const std::string& name, const std::string& beginning) {
  return name.starts_with(beginning) &&
         (name.size() == beginning.size() ||
          std::isalnum(static_cast<unsigned char>(name[beginning.size()])) == 0);
}

}  // namespace

std::optional<double> datasheet_rate(const std::string& gpu, DType dtype) {
  for (const Sheet& sheet : kSheets) {
    if (!begins(gpu, sheet.gpu)) continue;
    if (dtype == DType::bf16) return sheet.bfloat16;
    if (dtype == DType::f32) return sheet.float32;
  }
  return std::nullopt;
}

}  // namespace sy
