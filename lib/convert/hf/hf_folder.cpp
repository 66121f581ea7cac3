// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/hf_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <filesystem>
#include <set>

#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/layout.h"

namespace sy::convert {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kLargestIndex = 1 << 28;

void throw_errors(const std::vector<std::string>& errors) {
  if (!errors.empty()) throw DataError(fmt::format("{}", fmt::join(errors, "\n")));
}

// What a path without safetensors is, and what to do.
std::string describe_other(const std::string& path) {
  const auto has = [&](const char* name) {
    std::error_code ignored;
    return fs::exists(path + "/" + name, ignored);
  };
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    return fmt::format(
        "does not exist; if it is a model of the Hugging Face Hub, download it first "
        "(`huggingface-cli download {} --local-dir FOLDER`)",
        path);
  }
  if (!fs::is_directory(path, ignored)) {
    return fmt::format("is a file, not a folder; give its folder, which holds {} and {}",
                       kHfConfigName, kHfSingleName);
  }
  if (has(checkpoint::kManifestName) || has("checkpoints")) {
    return "holds a Switchyard checkpoint or run, not a Hugging Face model; use --from switchyard";
  }
  if (has("pytorch_model.bin") || has("pytorch_model.bin.index.json")) {
    return fmt::format(
        "has its weights in pickled files (pytorch_model.bin), which can run code and are not "
        "read; "
        "save them as safetensors first: python3 -c \"from transformers import "
        "AutoModelForSeq2SeqLM as M; M.from_pretrained('{}').save_pretrained('OUT')\"",
        path);
  }
  return fmt::format("has neither {} nor {}; give a folder that was downloaded or saved whole",
                     kHfSingleName, kHfIndexName);
}

// A file of this very folder.
bool is_plain_name(std::string_view name) {
  return name.ends_with(".safetensors") && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

// The weight_map of an index: tensor to file.
std::map<std::string, std::string> read_index(const std::string& path) {
  const std::string text = checkpoint::read_text(path, kLargestIndex);
  simdjson::dom::parser parser;
  simdjson::dom::object map;
  if (parser.parse(text)["weight_map"].get(map) != simdjson::SUCCESS) {
    throw DataError(
        fmt::format("{} is not an index: it has no \"weight_map\" from names to files", path));
  }
  std::map<std::string, std::string> result;
  for (const auto& [name, value] : map) {
    std::string_view file;
    if (value.get(file) != simdjson::SUCCESS || !is_plain_name(file)) {
      throw DataError(fmt::format("{}: {} is not mapped to a .safetensors file of this folder",
                                  path, json_quote(name)));
    }
    if (!result.emplace(name, file).second) {
      throw DataError(fmt::format("{}: {} appears twice", path, json_quote(name)));
    }
  }
  return result;
}

}  // namespace

std::string hf_shard_name(int64_t shard, int64_t shards) {
  return fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, shards);
}

HfFolder::HfFolder(std::string path) : path_(std::move(path)) {
  std::error_code error;
  if (fs::exists(path_ + "/" + kHfSingleName, error)) {
    std::vector<std::string> errors;
    add_file(kHfSingleName, errors);
    throw_errors(errors);
  } else if (fs::exists(path_ + "/" + kHfIndexName, error)) {
    add_indexed_files();
  } else {
    throw DataError(fmt::format("{} {}", path_, describe_other(path_)));
  }
}

void HfFolder::add_file(const std::string& name, std::vector<std::string>& errors) {
  const std::string path = path_ + "/" + name;
  try {
    for (SafetensorsEntry& tensor : read_safetensors_header(File::open(path))) {
      const std::string tensor_name = tensor.name;
      if (!tensors_.emplace(tensor_name, std::move(tensor)).second) {
        errors.push_back(fmt::format("{}: {} is also in {}", path, json_quote(tensor_name),
                                     file_of_.at(tensor_name)));
      }
      file_of_.emplace(tensor_name, name);
    }
  } catch (const DataError& error) {
    errors.emplace_back(error.what());
  }
}

void HfFolder::add_indexed_files() {
  const std::string path = path_ + "/" + kHfIndexName;
  const std::map<std::string, std::string> index = read_index(path);
  std::set<std::string> files;
  for (const auto& [tensor, file] : index) files.insert(file);
  std::vector<std::string> errors;
  for (const std::string& file : files) add_file(file, errors);
  throw_errors(errors);
  for (const auto& [tensor, file] : index) {
    const auto found = file_of_.find(tensor);
    if (found == file_of_.end() || found->second != file) {
      errors.push_back(fmt::format("{}: {} is not in {}", path, json_quote(tensor), file));
    }
  }
  for (const auto& [tensor, file] : file_of_) {
    if (index.contains(tensor)) continue;
    errors.push_back(fmt::format("{}: {} of {} is not listed", path, json_quote(tensor), file));
  }
  throw_errors(errors);
}

const SafetensorsEntry* HfFolder::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

void HfFolder::read(const SafetensorsEntry& tensor, int64_t begin, int64_t bytes, void* out) {
  SY_CHECK(begin >= 0 && bytes >= 0 && begin + bytes <= tensor.bytes, "bytes {} to {} of {}", begin,
           begin + bytes, tensor.name);
  const std::string path = path_ + "/" + file_of_.at(tensor.name);
  if (!open_ || open_->path() != path) open_ = File::open(path);
  open_->read(out, tensor.begin + begin, bytes);
}

}  // namespace sy::convert
