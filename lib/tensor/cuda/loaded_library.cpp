// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/cuda/loaded_library.h"

#include <dlfcn.h>
#include <fmt/ranges.h>
#include <link.h>

#include <vector>

#include "lib/base/error.h"
#include "lib/tensor/cuda/library_folders.h"

namespace sy {
namespace {

// Tries one place after another, and remembers why each did not serve.
class Search {
 public:
  explicit Search(const std::string& file) : file_(file) {}

  void in(const std::vector<std::filesystem::path>& folders) {
    for (const std::filesystem::path& folder : folders) {
      if (found_ != nullptr) return;
      std::error_code error;
      const std::filesystem::path path = folder / file_;
      if (std::filesystem::exists(path, error)) {
        open(path.string());
      } else {
        without_it_.push_back(folder.string());
      }
    }
  }

  void by_name() {
    if (found_ == nullptr) open(file_);
  }

  void* result() const {
    if (found_ != nullptr) return found_;
    const std::string in_vain =
        without_it_.empty() ? "no folder of a CUDA toolkit or of NVIDIA's Python packages was found"
                            : fmt::format("not in {}", fmt::join(without_it_, ", "));
    throw RuntimeFailure(fmt::format(
        "backend: cuda needs {}: {}; {}; install it, name its folder in SWITCHYARD_CUDA_LIBRARIES, "
        "or use backend: cpu",
        file_, fmt::join(refusals_, "; "), in_vain));
  }

 private:
  void open(const std::string& path) {
    found_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (found_ == nullptr) refusals_.emplace_back(dlerror());
  }

  std::string file_;
  void* found_ = nullptr;
  std::vector<std::string> refusals_, without_it_;
};

void* load(const std::string& file) {
  Search search(file);
  search.in(named_library_folders());
  search.by_name();
  search.in(found_library_folders());
  return search.result();
}

}  // namespace

LoadedLibrary::LoadedLibrary(const std::string& file) : file_(file), handle_(load(file)) {}

std::string LoadedLibrary::path() const {
  const link_map* map = nullptr;
  return dlinfo(handle_, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : file_;
}

void* LoadedLibrary::address_of(const char* name) const {
  void* const address = dlsym(handle_, name);
  if (address != nullptr) return address;
  throw RuntimeFailure(fmt::format(
      "{} has no symbol {}: it is not the version that this program was built for", path(), name));
}

}  // namespace sy
