// SPDX-License-Identifier: Apache-2.0
// Where CUDA's libraries are looked for: a machine made of folders, as toolkits and Python packages
// lay them out. The library is a copy of zlib under a name that no loader knows.
#include "lib/tensor/cuda/library_folders.h"

#include <unistd.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "lib/base/error.h"
#include "lib/tensor/cuda/loaded_library.h"

namespace sy {
namespace {

namespace fs = std::filesystem;
constexpr const char* kProbe = "libsy_probe.so.9";

// A temporary folder and an environment that names nothing else; both end with the test.
class Machine {
 public:
  Machine() {
    std::string name = fs::temp_directory_path() / "sy-folders-XXXXXX";
    root_ = fs::canonical(mkdtemp(name.data()));
    for (const char* variable : {"SWITCHYARD_CUDA_LIBRARIES", "CUDA_HOME", "CUDA_PATH", "PATH",
                                 "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "HOME"}) {
      const char* const value = std::getenv(variable);
      if (value != nullptr) before_[variable] = value;
      cleared_.emplace_back(variable);
      unsetenv(variable);
    }
  }
  ~Machine() {
    for (const std::string& variable : cleared_) unsetenv(variable.c_str());
    for (const auto& [variable, value] : before_) setenv(variable.c_str(), value.c_str(), 1);
    fs::remove_all(root_);
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  fs::path folder(const std::string& path) const {
    fs::create_directories(root_ / path);
    return root_ / path;
  }
  fs::path file(const std::string& path) const {
    folder(fs::path(path).parent_path().string());
    std::ofstream(root_ / path) << "not a library\n";
    return root_ / path;
  }
  std::string library_in(const std::string& path) const {
    const fs::path copy = folder(path) / kProbe;
    fs::copy_file(LoadedLibrary("libz.so.1").path(), copy);
    return copy;
  }
  void set(const char* variable, const fs::path& value) const {
    setenv(variable, value.c_str(), 1);
  }

 private:
  fs::path root_;
  std::map<std::string, std::string> before_;
  std::vector<std::string> cleared_;
};

size_t place_of(const fs::path& folder) {
  const std::vector<fs::path> folders = found_library_folders();
  const auto found = std::find(folders.begin(), folders.end(), folder);
  REQUIRE(found != folders.end());
  return static_cast<size_t>(found - folders.begin());
}

TEST_CASE("library_folders: toolkits come before Python's packages", "[library_folders]") {
  const Machine machine;
  const fs::path packages = "python/lib/python3.12/site-packages/nvidia";
  const fs::path new_layout = machine.folder(packages / "cu13/lib");
  const fs::path nccl = machine.folder(packages / "nccl/lib");
  const fs::path home =
      machine.folder("home/.local/lib/python3.11/site-packages/nvidia/cublas/lib");
  const fs::path toolkit = machine.folder("toolkit/lib64");
  machine.set("CUDA_HOME", toolkit.parent_path());
  machine.set("HOME", machine.folder("home"));
  machine.set("PATH", machine.file("python/bin/python3").parent_path());
  CHECK(place_of(toolkit) < place_of(nccl));
  CHECK(place_of(nccl) < place_of(new_layout));
  CHECK(place_of(new_layout) < place_of(home));
}

TEST_CASE("library_folders: a link to an environment's python3 leads to its packages",
          "[library_folders]") {
  const Machine machine;
  const fs::path python = machine.file("opt/torch/venv/bin/python3");
  const fs::path bin = machine.folder("usr/bin");
  fs::create_symlink("../../opt/torch/venv/bin/python3", bin / "python3");
  const std::string library =
      machine.library_in("opt/torch/venv/lib/python3.12/site-packages/nvidia/cu13/lib");
  machine.set("PATH", bin.string() + ":" + (bin / "absent").string());
  CHECK(LoadedLibrary(kProbe).path() == library);
}

TEST_CASE("library_folders: a named folder comes first, and a file there that is no library last",
          "[library_folders]") {
  const Machine machine;
  const std::string found = machine.library_in("toolkit/lib64");
  const std::string named = machine.library_in("named");
  machine.set("CUDA_HOME", machine.folder("toolkit"));
  CHECK(LoadedLibrary(kProbe).path() == found);
  machine.set("SWITCHYARD_CUDA_LIBRARIES", machine.folder("named"));
  CHECK(LoadedLibrary(kProbe).path() == named);
  machine.set("SWITCHYARD_CUDA_LIBRARIES",
              machine.file(std::string("wrong/") + kProbe).parent_path());
  CHECK(LoadedLibrary(kProbe).path() == found);
}

TEST_CASE("library_folders: an absent library is reported with the folders it is not in",
          "[library_folders]") {
  const Machine machine;
  machine.set("CUDA_HOME", machine.folder("toolkit/lib64").parent_path());
  machine.set("SWITCHYARD_CUDA_LIBRARIES", "/nonexistent/named");
  CHECK_THROWS_WITH(LoadedLibrary("libsy_absent.so.9"),
                    Catch::Contains("libsy_absent.so.9") &&
                        Catch::Contains(machine.folder("toolkit/lib64").string()) &&
                        Catch::Contains("/nonexistent/named"));
}

}  // namespace
}  // namespace sy
