// SPDX-License-Identifier: Apache-2.0
// A shared library that is loaded when it is first needed. Loading cuBLASLt and NCCL takes 200 MiB
// and a tenth of a second; a run on the CPU should neither pay for that nor require them to be
// installed.
#pragma once

#include <string>

namespace sy {

class LoadedLibrary {
 public:
  // `file` is a library's name without a folder ("libnccl.so.2"). It is loaded from the first of
  // these that has it: the folders of $SWITCHYARD_CUDA_LIBRARIES, wherever the dynamic loader finds
  // it (the program's own rpath, LD_LIBRARY_PATH, ldconfig), found_library_folders(). Throws
  // RuntimeFailure, which says where it was looked for.
  explicit LoadedLibrary(const std::string& file);

  // Sets `function` to the library's symbol `name`. Throws RuntimeFailure if there is none.
  template <class F>
  void find(F*& function, const char* name) const {
    function = reinterpret_cast<F*>(address_of(name));
  }

  // The file that was loaded.
  std::string path() const;

 private:
  void* address_of(const char* name) const;

  std::string file_;
  void* handle_ = nullptr;  // never closed: its threads may still run
};

}  // namespace sy
