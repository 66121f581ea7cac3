// SPDX-License-Identifier: Apache-2.0
// Names of a checkpoint's folders, files and datasets. Nothing here opens a file.
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

// The dataset of a slab within a shard: NAME for a whole tensor, otherwise NAME and the offset, as
// in NAME@4,0,0. No tensor can have such a name (valid_name).
std::string slab_dataset(const std::string& name, const Slab& slab, const Shape& global);

// Whether the name is a path of letters, digits and "_.-", with parts joined by "/". Such names
// need no escaping in JSON, in HDF5 or in a shell.
bool valid_name(const std::string& name);

// Throws InternalError if a checkpoint cannot hold the tensor: an invalid name or dtype, a slab
// that does not lie within it, or memory of another shape than the slab.
void check_tensor(const CheckpointTensor& tensor);

// The step in the name of a committed folder; nothing for any other name.
std::optional<int64_t> committed_step(const std::string& name);

// Steps that have a folder of this kind under `folder`, ascending; none if `folder` does not exist.
// A committed folder counts only if it has a manifest, a named one in any case: one without a
// manifest is damaged, since this program leaves none. Throws DataError if they cannot be read.
std::vector<int64_t> named_steps(const std::string& folder);
std::vector<int64_t> committed_steps(const std::string& folder);
std::vector<int64_t> partial_steps(const std::string& folder);

// Names of the folders under `folder` that are waiting to be deleted.
std::vector<std::string> trash_names(const std::string& folder);

}  // namespace sy::checkpoint
