// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/gpu_health.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>

#include "lib/base/error.h"
#include "lib/measure/foreign_processes.h"
#include "lib/measure/gemm_rate.h"
#include "lib/tensor/cuda/cuda_device.h"

namespace sy {
namespace {

constexpr const char* kSlowdowns[] = {"hw_slowdown", "hw_thermal_slowdown",
                                      "hw_power_brake_slowdown", "sw_thermal_slowdown"};
constexpr size_t kFirstSlowdown = 4;  // after index, uuid, name and errors

using Row = std::vector<std::string>;

struct Answer {
  int code = 0;
  std::vector<Row> rows;  // of values between commas; what nvidia-smi says of an error is one too
};

Row split(const std::string& line) {
  Row values;
  std::istringstream text(line);
  for (std::string value; std::getline(text >> std::ws, value, ',');) values.push_back(value);
  return values;
}

Answer ask(const std::string& question) {
  constexpr const char* kForm = "--format=csv,noheader,nounits 2>&1";
  const std::string command = fmt::format("timeout 20 nvidia-smi {} {}", question, kForm);
  const auto close = [](FILE* file) { pclose(file); };
  std::unique_ptr<FILE, decltype(close)> pipe(popen(command.c_str(), "r"), close);
  if (!pipe) return {1, {{"it cannot be started"}}};
  std::string text;
  std::array<char, 4096> block;
  while (const size_t read = fread(block.data(), 1, block.size(), pipe.get())) {
    text.append(block.data(), read);
  }
  Answer answer;
  const int status = pclose(pipe.release());
  answer.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) answer.rows.push_back(split(line));
  return answer;
}

// "[N/A]" and what else is no number is 0.
int64_t number(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 10);
}

std::string error_of(const Answer& answer) {
  constexpr int kTimedOut = 124;  // see timeout(1)
  if (answer.code == 0) return "";
  if (answer.code == kTimedOut) return "it does not answer";
  const bool silent = answer.rows.empty() || answer.rows.front().empty();
  return silent ? fmt::format("exit code {}", answer.code) : answer.rows.front().front();
}

GpuFacts gpu_of(const Row& row) {
  GpuFacts gpu;
  gpu.index = number(row[0]);
  gpu.uuid = row[1];
  gpu.name = row[2];
  gpu.uncorrected_errors = number(row[3]);
  for (size_t i = 0; i < std::size(kSlowdowns); ++i) {
    if (row[kFirstSlowdown + i] == "Active") gpu.slowed_by.emplace_back(kSlowdowns[i]);
  }
  return gpu;
}

void ask_health(NodeFacts& facts) {
  std::string fields = "index,uuid,name,ecc.errors.uncorrected.volatile.total";
  for (const char* slowdown : kSlowdowns) {
    fields += fmt::format(",clocks_throttle_reasons.{}", slowdown);
  }
  const Answer answer = ask("--query-gpu=" + fields);
  facts.gpu_error = error_of(answer);
  if (!facts.gpu_error.empty()) return;
  for (const Row& row : answer.rows) {
    if (row.size() == kFirstSlowdown + std::size(kSlowdowns)) facts.gpus.push_back(gpu_of(row));
  }
}

// GPUs whose memory has no rows to remap leave it out.
void ask_remapping(NodeFacts& facts) {
  const auto set = [](const std::string& text) { return text == "Yes" || number(text) > 0; };
  const Answer answer =
      ask("--query-remapped-rows=gpu_uuid,remapped_rows.pending,remapped_rows.failure");
  for (const Row& row : answer.rows) {
    for (GpuFacts& gpu : facts.gpus) {
      if (row.size() != 3 || row[0] != gpu.uuid) continue;
      gpu.remapping_pending = set(row[1]);
      gpu.remapping_failed = set(row[2]);
    }
  }
}

void ask_processes(NodeFacts& facts) {
  for (const Row& row : ask("--query-compute-apps=pid").rows) {
    const int64_t pid = row.empty() ? 0 : number(row[0]);
    if (pid > 0) facts.gpu_processes.push_back(describe_process(pid));
  }
}

}  // namespace

void ask_gpus(NodeFacts& facts) {
  if (std::system("command -v nvidia-smi >/dev/null 2>&1") != 0) return;
  ask_health(facts);
  if (!facts.gpu_error.empty()) return;
  ask_remapping(facts);
  ask_processes(facts);
}

void measure_gpus(NodeFacts& facts) {
  if (!why_no_cuda_device().empty()) return;
  for (size_t i = 0; i < facts.gpus.size(); ++i) {
    use_cuda_device(static_cast<int>(i));
    facts.gpus[i].bfloat16_flops = measure_peak_gemm_rate(Backend::cuda, 1, DType::bf16);
  }
}

}  // namespace sy
