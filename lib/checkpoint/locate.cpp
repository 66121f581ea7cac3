// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/locate.h"

#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/layout.h"

namespace sy {
namespace fs = std::filesystem;
namespace {

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool has_weights(const fs::path& folder) {
  return is_there(folder / "model.safetensors") ||
         is_there(folder / "model.safetensors.index.json") ||
         is_there(folder / "pytorch_model.bin");
}

// What the path is, and what to pass instead.
std::string describe(const std::string& path) {
  std::error_code ignored;
  if (!is_there(path)) {
    return "it does not exist; give the folder of a checkpoint (runs/NAME/checkpoints/step-...) or "
           "of a run";
  }
  if (!fs::is_directory(path, ignored)) {
    return is_lfs_pointer(path)
               ? "it is a Git LFS pointer; fetch the real files with `git lfs pull`"
               : "it is a file; give the folder of a checkpoint";
  }
  if (is_there(fs::path(path) / "config.json") || has_weights(path)) {
    return fmt::format(
        "it is a Hugging Face folder; convert it first: `switchyard convert --from hf --to "
        "switchyard {} OUT`, then give OUT",
        path);
  }
  if (path.ends_with(".partial")) return "it was never finished; give an earlier one";
  if (is_there(fs::path(path) / "checkpoints") || is_there(fs::path(path) / "config.yaml")) {
    return "it is the folder of a run that has no committed checkpoint; train further, or give "
           "another run";
  }
  if (is_there(fs::path(path) / checkpoint::kIndexName)) {
    return "its manifest is missing; give an earlier checkpoint or restore this one from a copy";
  }
  return "it holds none; give the folder of a checkpoint (runs/NAME/checkpoints/step-...) or of a "
         "run";
}

}  // namespace

std::string locate_checkpoint(const std::string& path) {
  if (is_there(fs::path(path) / checkpoint::kManifestName)) return path;
  for (const std::string& folder : {path + "/checkpoints", path}) {
    if (std::string newest = newest_checkpoint(folder); !newest.empty()) return newest;
  }
  throw DataError(fmt::format("{} is not a committed checkpoint: {}", path, describe(path)));
}

bool is_lfs_pointer(const std::string& path) {
  constexpr std::string_view kBeginning = "version https://git-lfs.github.com/spec/";
  std::string beginning(kBeginning.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
  return file && beginning == kBeginning;
}

}  // namespace sy
