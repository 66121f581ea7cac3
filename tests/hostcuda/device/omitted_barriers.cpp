// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/device/block.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>

namespace sy::hostcuda {
namespace {

// The two environment variables (block.h).
struct Wanted {
  std::string without;
  const char* notes;

  static std::string named(const char* name) { return name == nullptr ? "" : name; }
  Wanted()
      : without(named(std::getenv("SWITCHYARD_HOSTCUDA_WITHOUT"))),
        notes(std::getenv("SWITCHYARD_HOSTCUDA_BARRIERS")) {}
};

bool decide(const Wanted& wanted, Site site) {
  const std::string where = std::string(site.file_name()) + ":" + std::to_string(site.line());
  if (wanted.notes != nullptr) {
    if (std::FILE* file = std::fopen(wanted.notes, "a")) {
      std::fprintf(file, "%s\n", where.c_str());
      std::fclose(file);
    }
  }
  return !wanted.without.empty() && where.ends_with(wanted.without);
}

}  // namespace

bool is_omitted(Site site) {
  static const Wanted wanted;
  if (wanted.without.empty() && wanted.notes == nullptr) return false;
  static std::map<std::pair<const char*, unsigned>, bool> decided;
  const auto key = std::pair(site.file_name(), static_cast<unsigned>(site.line()));
  const auto found = decided.find(key);
  if (found != decided.end()) return found->second;
  return decided[key] = decide(wanted, site);
}

}  // namespace sy::hostcuda
