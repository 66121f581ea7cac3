// What a rank tells the others of a call before its data, and whether two ranks' calls belong
// together.
#pragma once

#include <nccl.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace sy::hostcuda {

enum class CallKind : int32_t { all_reduce, all_gather, broadcast, exchange, destroy };

// How the elements of an exchange are cut into blocks: what two ranks compare.
struct BlockSizes {
  uint64_t elements = 0, blocks = 0;
  uint64_t order = 0;  // a hash of the blocks' sizes

  void add(uint64_t block) {
    elements += block;
    blocks += 1;
    order = (order ^ block) * 0x100000001b3;  // as FNV-1a does
  }
  bool operator==(const BlockSizes&) const = default;
};

struct Call {
  int64_t number = 0;  // among this rank's calls of the communicator, from 1
  CallKind kind = CallKind::destroy;
  ncclDataType_t type = ncclInt8;
  ncclRedOp_t op = ncclSum;
  int32_t root = 0;
  uint64_t count = 0;  // elements of a collective
  // To and from the rank that is told, of an exchange (grouped sends and receives).
  BlockSizes sends, receives;
};

// Bytes of an element; 0 for types that no tensor has.
size_t size_of(ncclDataType_t type);

// One sentence naming both calls where the ranks `mine` and `theirs` do not make the same; else
// empty. The same on both sides.
std::string mismatch(const Call& my_call, int mine, const Call& their_call, int theirs);

}  // namespace sy::hostcuda
