// How much of this process lies in memory.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace sy {

// Bytes resident now, libraries included; 0 where /proc does not tell.
inline int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t mapped = 0, resident = 0;
  statm >> mapped >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace sy
