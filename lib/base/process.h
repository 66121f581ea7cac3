// SPDX-License-Identifier: Apache-2.0
// What the operating system says of this host and its processes.
#pragma once

#include <string>
#include <vector>

namespace sy {

std::string host_name();  // "?" if there is none

// /proc/PID/stat; see proc(5).
struct ProcessStat {
  std::string name;                 // the program's; may contain any character
  std::vector<std::string> fields;  // from the third on
  // Counted from 1, as in proc(5), from the fourth on; 0 if there is no such field.
  double number(size_t field) const;
};

// Of the process `pid`, or of "self"; empty if it has ended.
ProcessStat process_stat(const std::string& pid);

}  // namespace sy
