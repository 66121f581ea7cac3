// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/cuda/library_folders.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <system_error>

namespace sy {
namespace {

namespace fs = std::filesystem;
using Paths = std::vector<fs::path>;

Paths paths_of(const char* variable) {
  const char* const value = std::getenv(variable);
  Paths paths;
  std::string rest = value == nullptr ? "" : value;
  while (!rest.empty()) {
    const size_t colon = std::min(rest.find(':'), rest.size());
    if (colon > 0) paths.emplace_back(rest.substr(0, colon));
    rest.erase(0, colon + 1);
  }
  return paths;
}

// The entries of `folder` whose names begin with `start`, the highest name (the newest version)
// first.
Paths entries(const fs::path& folder, const std::string& start = "") {
  Paths found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with(start)) found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end(), std::greater<>());
  return found;
}

// PREFIX of each PREFIX/bin/`program` on $PATH, and of what these link to, step by step: a virtual
// environment's python3 is itself a link to that of the system.
Paths prefixes_of(const char* program) {
  constexpr int kMostLinks = 8;
  Paths prefixes;
  for (const fs::path& folder : paths_of("PATH")) {
    std::error_code error;
    fs::path file = folder / program;
    for (int link = 0; link < kMostLinks && fs::exists(file, error); ++link) {
      prefixes.push_back(file.parent_path().parent_path());
      const fs::path target = fs::read_symlink(file, error);
      if (error) break;
      file = (file.parent_path() / target).lexically_normal();
    }
  }
  return prefixes;
}

void append(Paths& paths, const Paths& more) {
  paths.insert(paths.end(), more.begin(), more.end());
}

Paths toolkits() {
  Paths prefixes = paths_of("CUDA_HOME");
  append(prefixes, paths_of("CUDA_PATH"));
  append(prefixes, prefixes_of("nvcc"));
  append(prefixes, {"/usr/local/cuda"});
  append(prefixes, entries("/usr/local", "cuda-"));
  append(prefixes, entries("/opt", "cuda"));
  return prefixes;
}

Paths python_prefixes() {
  Paths prefixes = paths_of("VIRTUAL_ENV");
  append(prefixes, paths_of("CONDA_PREFIX"));
  append(prefixes, prefixes_of("python3"));
  for (const fs::path& home : paths_of("HOME")) prefixes.push_back(home / ".local");
  append(prefixes, {"/usr/local", "/usr"});
  for (const fs::path& folder : entries("/opt")) {
    append(prefixes, {folder, folder / ".venv", folder / "venv"});
  }
  return prefixes;
}

// The folders that Python packages are installed in.
Paths python_packages() {
  Paths found = paths_of("PYTHONPATH");
  for (const fs::path& prefix : python_prefixes()) {
    for (const fs::path& version : entries(prefix / "lib", "python3")) {
      append(found, {version / "site-packages", version / "dist-packages"});
    }
  }
  return found;
}

}  // namespace

std::vector<fs::path> named_library_folders() {
  return paths_of("SWITCHYARD_CUDA_LIBRARIES");
}

std::vector<fs::path> found_library_folders() {
  Paths candidates;
  for (const fs::path& toolkit : toolkits()) {
    append(candidates, {toolkit / "lib64", toolkit / "lib", toolkit / "targets/x86_64-linux/lib"});
  }
  for (const fs::path& packages : python_packages()) {
    for (const fs::path& part : entries(packages / "nvidia")) candidates.push_back(part / "lib");
  }
  Paths folders;
  for (const fs::path& candidate : candidates) {
    std::error_code error;
    const fs::path folder = fs::canonical(candidate, error);
    if (error || !fs::is_directory(folder, error)) continue;
    if (std::find(folders.begin(), folders.end(), folder) == folders.end()) {
      folders.push_back(folder);
    }
  }
  return folders;
}

}  // namespace sy
