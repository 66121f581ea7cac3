#include "lib/checkpoint/read_plan.h"

#include <unordered_map>
#include <unordered_set>

namespace sy::checkpoint {
namespace {

using TensorsByName = std::unordered_map<std::string, const Manifest::TensorEntry*>;

TensorsByName by_name(const Manifest& manifest) {
  TensorsByName tensors;
  for (const Manifest::TensorEntry& tensor : manifest.tensors) {
    tensors.emplace(tensor.name, &tensor);
  }
  return tensors;
}

std::string group_of(const std::string& name) {
  return name.substr(0, name.find('/'));
}

std::vector<std::string> extra_faults(const Manifest& manifest,
                                      const std::vector<CheckpointTensor>& tensors) {
  std::unordered_set<std::string> names, groups;
  for (const CheckpointTensor& tensor : tensors) {
    names.insert(tensor.name);
    groups.insert(group_of(tensor.name));
  }
  std::vector<std::string> faults;
  for (const Manifest::TensorEntry& stored : manifest.tensors) {
    if (groups.contains(group_of(stored.name)) && !names.contains(stored.name)) {
      faults.push_back(fmt::format("{} is in the checkpoint and not in this run", stored.name));
    }
  }
  return faults;
}

}  // namespace

std::string PieceRead::dataset() const {
  return piece_dataset(tensor->name, static_cast<int64_t>(tensor->parts.size()), piece);
}

Shape PieceRead::stored_shape() const {
  return piece_shape(tensor->global, static_cast<int64_t>(tensor->parts.size()));
}

std::vector<std::string> read_faults(const Manifest& manifest,
                                     const std::vector<CheckpointTensor>& tensors,
                                     CheckpointReader::Extra extra) {
  const TensorsByName stored = by_name(manifest);
  std::vector<std::string> faults;
  for (const CheckpointTensor& tensor : tensors) {
    const auto found = stored.find(tensor.name);
    if (found == stored.end()) {
      faults.push_back(fmt::format("{} is missing", tensor.name));
      continue;
    }
    const Manifest::TensorEntry& entry = *found->second;
    if (entry.dtype != tensor.local.dtype() || !(entry.global == tensor.global)) {
      faults.push_back(fmt::format("{} is {} {} and {} {} is needed", tensor.name,
                                   name_of(entry.dtype), entry.global.str(),
                                   name_of(tensor.local.dtype()), tensor.global.str()));
    }
  }
  if (extra == CheckpointReader::Extra::refuse) {
    for (std::string& fault : extra_faults(manifest, tensors)) faults.push_back(std::move(fault));
  }
  return faults;
}

std::vector<std::vector<PieceRead>> plan_reads(const Manifest& manifest,
                                               const std::vector<CheckpointTensor>& tensors) {
  const TensorsByName stored = by_name(manifest);
  std::vector<std::vector<PieceRead>> reads(manifest.shards.size());
  for (const CheckpointTensor& tensor : tensors) {
    PieceRead read;
    read.tensor = stored.at(tensor.name);
    read.local = tensor.local;
    read.local_rows = piece_rows(tensor.global, tensor.pieces, tensor.piece);
    const auto pieces = static_cast<int64_t>(read.tensor->parts.size());
    for (read.piece = 0; read.piece < pieces; ++read.piece) {
      read.stored_rows = piece_rows(tensor.global, pieces, read.piece);
      if (overlap(read.local_rows, read.stored_rows).count() == 0) continue;
      reads[static_cast<size_t>(read.part().shard)].push_back(read);
    }
  }
  return reads;
}

std::vector<std::vector<PieceRead>> plan_verification(const Manifest& manifest) {
  std::vector<std::vector<PieceRead>> reads(manifest.shards.size());
  for (const Manifest::TensorEntry& tensor : manifest.tensors) {
    PieceRead read;
    read.tensor = &tensor;
    for (; read.piece < static_cast<int64_t>(tensor.parts.size()); ++read.piece) {
      reads[static_cast<size_t>(read.part().shard)].push_back(read);
    }
  }
  return reads;
}

}  // namespace sy::checkpoint
