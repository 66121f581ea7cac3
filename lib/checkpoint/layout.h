// The names of a checkpoint's folders, files and datasets. Nothing here looks inside a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"

namespace sy::checkpoint {

constexpr const char* kManifestName = "manifest.json";
constexpr const char* kIndexName = "index.h5";
constexpr const char* kTokenizerName = "tokenizer.model";

std::string committed_name(int64_t step);             // step-00000100
std::string partial_name(int64_t step);               // step-00000100.partial
std::string trash_name(const std::string& folder);    // NAME.trash
std::string shard_name(int64_t shard);                // shard-00003.h5
std::string shard_record_name(int64_t shard);         // shard-00003.json
std::string stream_dataset(const std::string& name);  // data/streams/NAME

// A slab's dataset within a shard: NAME when it is the whole tensor, else NAME and its offset,
// NAME@4,0,0, which no tensor can be called (valid_name).
std::string slab_dataset(const std::string& name, const Slab& slab, const Shape& global);

// HDF5 paths of letters, digits and "_.-", parts joined by "/": what needs no escaping in JSON, in
// HDF5 or in a shell.
bool valid_name(const std::string& name);

// Throws InternalError for a tensor that a checkpoint cannot hold: its name or dtype, a slab that
// does not lie within it, memory of another shape than the slab.
void check_tensor(const CheckpointTensor& tensor);

// The step of a committed folder's name, nothing for another name.
std::optional<int64_t> committed_step(const std::string& name);

// Steps that have a folder of the given kind under `folder`, ascending; none when it is absent.
// A committed folder counts only with its manifest.
std::vector<int64_t> committed_steps(const std::string& folder);
std::vector<int64_t> partial_steps(const std::string& folder);

// The folder names under `folder` that are only waiting to be deleted.
std::vector<std::string> trash_names(const std::string& folder);

}  // namespace sy::checkpoint
