// A stored slab, out of its file and into the memory that wants some of it.
#pragma once

#include <string>
#include <vector>

#include "lib/checkpoint/hdf5/hdf5_file.h"
#include "lib/checkpoint/read_plan.h"

namespace sy::checkpoint {

// Throws DataError, naming the dataset, unless the values have the checksum.
void check_contents(const Tensor& values, uint64_t expected, const std::string& path,
                    const std::string& dataset);

// Reads the stored slab whole into `buffer`, which grows to the largest that passes through it, and
// checks it.
Tensor read_buffered(const Hdf5File& file, const std::string& path, const SlabRead& read,
                     std::vector<char>& buffer);

// Leaves what is needed of the stored slab in its place in `read.local`; the rest of that memory is
// not touched. Reads into place where all of the slab lies there in one stretch and no `copy` is
// given.
void read_slab(const Hdf5File& file, const std::string& path, const SlabRead& read,
               std::vector<char>& buffer, const CheckpointCopy& copy);

}  // namespace sy::checkpoint
