// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/own_process.h"

#include <unistd.h>

#include <ctime>
#include <fstream>
#include <string>

#include "lib/base/process.h"

namespace sy {
namespace {

constexpr size_t kStartTime = 22;  // a field; see proc(5)

}  // namespace

double process_age_seconds() {
  const double started =
      process_stat("self").number(kStartTime) / static_cast<double>(sysconf(_SC_CLK_TCK));
  timespec now{};
  if (started == 0 || clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9 - started;
}

int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;  // in KiB
  }
  return 0;
}

void forget_peak_resident() {
  std::ofstream("/proc/self/clear_refs") << "5";  // see proc(5)
}

}  // namespace sy
