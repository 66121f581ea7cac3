// What a rank tells the others of a call before its data, and whether two ranks' calls belong
// together.
#pragma once

#include <nccl.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace sy::hostcuda {

enum class CallKind : int32_t { all_reduce, all_gather, broadcast, exchange, destroy };

struct Call {
  int64_t number = 0;  // among this rank's calls of the communicator, from 1
  CallKind kind = CallKind::destroy;
  ncclDataType_t type = ncclInt8;
  ncclRedOp_t op = ncclSum;
  int32_t root = 0;
  uint64_t count = 0;  // elements of a collective
  // Elements to and from the rank that is told, of an exchange (grouped sends and receives).
  uint64_t sends = 0, receives = 0;
};

// Bytes of an element; 0 for types that no tensor has.
size_t size_of(ncclDataType_t type);

// One sentence naming both calls where the ranks `mine` and `theirs` do not make the same; else
// empty. The same on both sides.
std::string mismatch(const Call& my_call, int mine, const Call& their_call, int theirs);

}  // namespace sy::hostcuda
