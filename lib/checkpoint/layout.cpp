// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/layout.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>

namespace sy::checkpoint {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kStepPrefix = "step-";
constexpr std::string_view kPartialSuffix = ".partial";
constexpr std::string_view kTrashSuffix = ".trash";

// 100 for "step-00000100" + suffix; nothing for any other name.
std::optional<int64_t> parse_step(std::string_view name, std::string_view suffix) {
  if (!name.starts_with(kStepPrefix) || !name.ends_with(suffix)) return std::nullopt;
  name.remove_prefix(kStepPrefix.size());
  name.remove_suffix(std::min(suffix.size(), name.size()));
  int64_t step = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  const bool whole = error == std::errc() && end == name.data() + name.size();
  // This program would not have written another spelling of the number.
  if (!whole || step < 0 || fmt::format("{:08}", step) != name) return std::nullopt;
  return step;
}

// A folder that cannot be read is not empty: a run that took it so would begin anew in it.
void check_read(const fs::path& path, const std::error_code& error) {
  if (!error || error == std::errc::no_such_file_or_directory ||
      error == std::errc::not_a_directory) {
    return;
  }
  throw DataError(fmt::format("cannot read {}: {}; check its permissions and the file system",
                              path.string(), error.message()));
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  check_read(folder, error);
  return names;
}

std::vector<int64_t> steps_with(const std::string& folder, std::string_view suffix) {
  std::vector<int64_t> steps;
  for (const std::string& name : names_in(folder)) {
    if (const auto step = parse_step(name, suffix)) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

}  // namespace

std::string committed_name(int64_t step) {
  return fmt::format("{}{:08}", kStepPrefix, step);
}
std::string partial_name(int64_t step) {
  return fmt::format("{}{}", committed_name(step), kPartialSuffix);
}
std::string trash_name(const std::string& folder) {
  return fmt::format("{}{}", folder, kTrashSuffix);
}
std::string shard_name(int64_t shard) {
  return fmt::format("shard-{:05}.h5", shard);
}
std::string shard_record_name(int64_t shard) {
  return fmt::format("shard-{:05}.json", shard);
}
std::string stream_dataset(const std::string& name) {
  return "data/streams/" + name;
}

std::string slab_dataset(const std::string& name, const Slab& slab, const Shape& global) {
  if (slab.extent == global) return name;
  std::string dataset = name;
  for (int axis = 0; axis < slab.rank(); ++axis) {
    dataset += (axis == 0 ? '@' : ',') + std::to_string(slab.offset[axis]);
  }
  return dataset;
}

bool valid_name(const std::string& name) {
  size_t begin = 0;
  while (begin <= name.size()) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = std::string_view(name).substr(begin, end - begin);
    const bool clean = std::all_of(part.begin(), part.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '.' || c == '-';
    });
    if (!clean || part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

void check_tensor(const CheckpointTensor& tensor) {
  SY_CHECK(valid_name(tensor.name), "\"{}\" cannot name a tensor", tensor.name);
  SY_CHECK(tensor.local.dtype() != DType::bf16, "{} is bfloat16", tensor.name);
  const bool is_here = tensor.slab.numel() > 0;
  SY_CHECK(tensor.global.rank() > 0 && (is_here || !tensor.write) &&
               (!is_here || lies_within(tensor.slab, tensor.global)),
           "{} of {} is no part of {}", tensor.slab.str(), tensor.name, tensor.global.str());
  SY_CHECK(tensor.local.shape() == tensor.slab.extent, "{} has {} here for the slab {}",
           tensor.name, tensor.local.shape().str(), tensor.slab.str());
}

std::optional<int64_t> committed_step(const std::string& name) {
  return parse_step(name, "");
}

std::vector<int64_t> named_steps(const std::string& folder) {
  return steps_with(folder, "");
}

std::vector<int64_t> committed_steps(const std::string& folder) {
  std::vector<int64_t> steps = named_steps(folder);
  std::erase_if(steps, [&](int64_t step) {
    const fs::path manifest = fs::path(folder) / committed_name(step) / kManifestName;
    std::error_code error;
    const bool is_there = fs::exists(manifest, error);
    check_read(manifest, error);
    return !is_there;
  });
  return steps;
}

std::vector<int64_t> partial_steps(const std::string& folder) {
  return steps_with(folder, kPartialSuffix);
}

std::vector<std::string> trash_names(const std::string& folder) {
  std::vector<std::string> names = names_in(folder);
  std::erase_if(names, [](const std::string& name) {
    return !name.starts_with(kStepPrefix) || !name.ends_with(kTrashSuffix);
  });
  return names;
}

}  // namespace sy::checkpoint
