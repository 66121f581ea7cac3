// SPDX-License-Identifier: Apache-2.0
#include "lib/base/process.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace sy {
namespace {

constexpr size_t kFirst = 3;  // the number of fields[0]

}  // namespace

std::string host_name() {
  char name[256] = "?";
  gethostname(name, sizeof name - 1);
  return name;
}

double ProcessStat::number(size_t field) const {
  const bool is_there = field >= kFirst && field - kFirst < fields.size();
  return is_there ? std::strtod(fields[field - kFirst].c_str(), nullptr) : 0;
}

// "PID (NAME) STATE PARENT ..."
ProcessStat process_stat(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string text;
  std::getline(file, text);
  const size_t open = text.find('('), close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  ProcessStat stat{text.substr(open + 1, close - open - 1), {}};
  std::istringstream rest(text.substr(close + 1));
  for (std::string field; rest >> field;) stat.fields.push_back(field);
  return stat;
}

}  // namespace sy
