#include <filesystem>

#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/layout.h"

namespace sy {
namespace fs = std::filesystem;
namespace {

// The first of set-aside-1, set-aside-2, ... that is not there yet, made.
std::string make_folder(const std::string& beside) {
  for (int number = 1;; ++number) {
    std::string path = fmt::format("{}/set-aside-{}", beside, number);
    std::error_code error;
    if (fs::create_directory(path, error)) return path;
    if (error) throw RuntimeFailure(fmt::format("cannot make {}: {}", path, error.message()));
  }
}

}  // namespace

std::string set_aside_later(const std::string& folder, int64_t step) {
  std::vector<int64_t> later = checkpoint::committed_steps(folder);
  std::erase_if(later, [step](int64_t other) { return other <= step; });
  if (later.empty()) return "";
  std::string aside = make_folder(folder);
  for (const int64_t other : later) {
    const std::string name = checkpoint::committed_name(other);
    checkpoint::rename_path(folder + "/" + name, aside + "/" + name);
  }
  checkpoint::sync_path(aside);
  checkpoint::sync_path(folder);
  return aside;
}

}  // namespace sy
