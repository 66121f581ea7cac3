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
#include <sstream>
#include <string>
#include <thread>

namespace sy {
namespace {

constexpr double kLeastCores = 0.1;
constexpr size_t kMostProcesses = 10;
constexpr int kUserTimeField =
    14;  // of /proc/PID/stat, counted from 1, and system time; see proc(5)

// Seconds of processor time that the process has used; 0 if it has ended.
double processor_seconds(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string text;
  std::getline(file, text);
  // The second field is the program name in parentheses, which may itself contain any character.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < kUserTimeField; ++field) rest >> skipped;
  double user = 0, system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
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
