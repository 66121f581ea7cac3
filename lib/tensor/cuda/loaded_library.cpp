// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/cuda/loaded_library.h"

#include <dlfcn.h>

#include "lib/base/error.h"

namespace sy {

LoadedLibrary::LoadedLibrary(const std::string& file)
    : file_(file), handle_(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (handle_ != nullptr) return;
  throw RuntimeFailure(fmt::format(
      "backend: cuda needs {}: {}; install it, add its directory to LD_LIBRARY_PATH, or "
      "use backend: cpu",
      file_, dlerror()));
}

void* LoadedLibrary::address_of(const char* name) const {
  void* const address = dlsym(handle_, name);
  if (address != nullptr) return address;
  throw RuntimeFailure(fmt::format(
      "{} has no symbol {}: it is not the version that this program was built for", file_, name));
}

}  // namespace sy
