// SPDX-License-Identifier: Apache-2.0
// Fuzzes the parsers of a checkpoint's manifest and shard records. What they accept must survive
// being written and parsed again, and must be safe to plan reads from. Everything else must be a
// DataError. The input is also tried with a valid seal, because without one nothing would pass.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "lib/checkpoint/json_text.h"
#include "lib/checkpoint/manifest.h"
#include "lib/checkpoint/read_plan.h"

namespace {
using namespace sy::checkpoint;

void require(bool condition) {
  if (!condition) std::abort();
}

// Plans to read every stored tensor whole, and then its last element only.
void plan_all(const Manifest& manifest) {
  std::vector<sy::CheckpointTensor> tensors, lasts;
  for (const Manifest::TensorEntry& entry : manifest.tensors) {
    tensors.push_back(sy::whole_tensor(entry.name, sy::Tensor(nullptr, entry.dtype, entry.global)));
    sy::Slab last = sy::Slab::whole(entry.global);
    for (int axis = 0; axis < last.rank(); ++axis) {
      last.offset[axis] = last.extent[axis] - 1;
      last.extent[axis] = 1;
    }
    const sy::Tensor local(nullptr, entry.dtype, last.extent);
    lasts.push_back({entry.name, local, entry.global, last});
  }
  using Extra = sy::CheckpointReader::Extra;
  require(read_faults(manifest, tensors, Extra::refuse).empty());
  for (const auto& reads : plan_reads(manifest, tensors)) {
    for (const SlabRead& read : reads) {
      require(read.common() == read.stored->slab);
      require(!read.dataset().empty());
    }
  }
  size_t found = 0;
  for (const auto& reads : plan_reads(manifest, lasts)) found += reads.size();
  require(found == lasts.size());
}

void try_manifest(const std::string& text) {
  try {
    const Manifest manifest = parse_manifest(text, "manifest.json");
    require(parse_manifest(to_json(manifest), "again") == manifest);
    plan_all(manifest);
  } catch (const sy::DataError&) {
  }
}

void try_record(const std::string& text) {
  try {
    const std::string once = to_json(parse_shard_record(text, "shard-00000.json"));
    require(to_json(parse_shard_record(once, "again")) == once);
  } catch (const sy::DataError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string sealed = seal_json(text);
  for (const std::string& input : {text, sealed}) {
    try_manifest(input);
    try_record(input);
  }
  return 0;
}
