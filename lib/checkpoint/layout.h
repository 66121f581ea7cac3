// The names of a checkpoint's folders, files and datasets, and which rows a piece holds. Nothing
// here looks inside a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/checkpoint/checkpoint.h"
#include "lib/tensor/tensor.h"

namespace sy::checkpoint {

constexpr const char* kManifestName = "manifest.json";
constexpr const char* kIndexName = "index.h5";

std::string committed_name(int64_t step);             // step-00000100
std::string partial_name(int64_t step);               // step-00000100.partial
std::string trash_name(const std::string& folder);    // NAME.trash
std::string shard_name(int64_t shard);                // shard-00003.h5
std::string shard_record_name(int64_t shard);         // shard-00003.json
std::string stream_dataset(const std::string& name);  // data/streams/NAME

// A piece's dataset within a shard: NAME when the tensor has one piece, else NAME.00003.
std::string piece_dataset(const std::string& name, int64_t pieces, int64_t piece);

// HDF5 paths of letters, digits and "_.-", parts joined by "/": what needs no escaping in JSON, in
// HDF5 or in a shell.
bool valid_name(const std::string& name);

// Throws InternalError for a tensor that a checkpoint cannot hold: its name or dtype, a piece that
// is not one of its pieces, memory of another shape than the piece.
void check_tensor(const CheckpointTensor& tensor);

// The shape of one of `pieces` equal pieces of axis 0. Throws InternalError when they do not divide
// it.
Shape piece_shape(const Shape& global, int64_t pieces);

// Rows [begin, end) of axis 0.
struct Rows {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t count() const { return end - begin; }
};
Rows piece_rows(const Shape& global, int64_t pieces, int64_t piece);
Rows overlap(Rows a, Rows b);  // count() is 0 where they do not meet

// The step of a committed folder's name, nothing for another name.
std::optional<int64_t> committed_step(const std::string& name);

// Steps that have a folder of the given kind under `folder`, ascending; none when it is absent.
// A committed folder counts only with its manifest.
std::vector<int64_t> committed_steps(const std::string& folder);
std::vector<int64_t> partial_steps(const std::string& folder);

// The folder names under `folder` that are only waiting to be deleted.
std::vector<std::string> trash_names(const std::string& folder);

}  // namespace sy::checkpoint
