// SPDX-License-Identifier: Apache-2.0
// The tensors of a Hugging Face folder: those of model.safetensors, or of the files listed in
// model.safetensors.index.json. Headers are read at once, contents on request.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/convert/hf/file.h"
#include "lib/convert/hf/safetensors.h"

namespace sy::convert {

constexpr const char* kHfConfigName = "config.json";
constexpr const char* kHfSingleName = "model.safetensors";
constexpr const char* kHfIndexName = "model.safetensors.index.json";

std::string hf_shard_name(int64_t shard, int64_t shards);  // model-00001-of-00003.safetensors

class HfFolder {
 public:
  // Throws DataError that says what `path` is if it is not such a folder, or lists all files that
  // are missing or damaged and all disagreements between index and files.
  explicit HfFolder(std::string path);

  const std::string& path() const { return path_; }
  std::string config_path() const { return path_ + "/" + kHfConfigName; }

  // By name.
  const std::map<std::string, SafetensorsEntry>& tensors() const { return tensors_; }
  const SafetensorsEntry* find(const std::string& name) const;

  // Reads bytes [begin, begin + bytes) of one of tensors(). Keeps one file open at a time.
  void read(const SafetensorsEntry& tensor, int64_t begin, int64_t bytes, void* out);

 private:
  void add_file(const std::string& name, std::vector<std::string>& errors);
  void add_indexed_files();

  std::string path_;
  std::map<std::string, SafetensorsEntry> tensors_;
  std::map<std::string, std::string> file_of_;  // tensor to file name
  std::optional<File> open_;
};

}  // namespace sy::convert
