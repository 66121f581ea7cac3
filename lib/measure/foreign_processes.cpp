// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/foreign_processes.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "lib/base/process.h"

namespace sy {
namespace {

constexpr double kLeastCores = 0.1;
constexpr size_t kMostProcesses = 10;
constexpr size_t kUserTime = 14, kSystemTime = 15;  // fields; see proc(5)

// Seconds of processor time that the process has used; 0 if it has ended.
double processor_seconds(const std::string& pid) {
  const ProcessStat stat = process_stat(pid);
  return (stat.number(kUserTime) + stat.number(kSystemTime)) /
         static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::map<int64_t, double> processor_times() {
  std::map<int64_t, double> times;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    times[std::stoll(name)] = processor_seconds(name);
  }
  return times;
}

std::string user_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return "?";
  const passwd* user = getpwuid(status.st_uid);
  return user == nullptr ? fmt::format("{}", status.st_uid) : user->pw_name;
}

}  // namespace

ForeignProcess describe_process(int64_t pid) {
  const std::string path = fmt::format("/proc/{}", pid);
  std::ifstream file(path + "/comm");
  std::string command;
  std::getline(file, command);
  return {pid, user_of(path), command.empty() ? "?" : command, 0};
}

std::vector<ForeignProcess> find_busy_processes(double seconds) {
  const auto before = processor_times();
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const auto after = processor_times();
  const std::chrono::duration<double> watched = std::chrono::steady_clock::now() - start;
  std::vector<ForeignProcess> busy;
  for (const auto& [pid, time] : after) {
    const auto earlier = before.find(pid);
    const double used = time - (earlier == before.end() ? 0 : earlier->second);
    if (pid == getpid() || used < kLeastCores * watched.count()) continue;
    busy.push_back(describe_process(pid));
    busy.back().cores = used / watched.count();
  }
  std::ranges::sort(busy, std::ranges::greater{}, &ForeignProcess::cores);
  if (busy.size() > kMostProcesses) busy.resize(kMostProcesses);
  return busy;
}

}  // namespace sy
