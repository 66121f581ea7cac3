// A shared library that is loaded when it is first needed. cuBLASLt and NCCL take 200 MiB and a
// tenth of a second, which a run on the CPU should not pay, nor need them to be there.
#pragma once

#include <string>

namespace sy {

class LoadedLibrary {
 public:
  // `file` as the loader finds it ("libnccl.so.2"). Throws RuntimeFailure with the loader's reason.
  explicit LoadedLibrary(const std::string& file);

  // function = the library's of that name. Throws RuntimeFailure where it has none.
  template <class F>
  void find(F*& function, const char* name) const {
    function = reinterpret_cast<F*>(address_of(name));
  }

 private:
  void* address_of(const char* name) const;

  std::string file_;
  void* handle_;  // never closed: what it started may still run
};

}  // namespace sy
