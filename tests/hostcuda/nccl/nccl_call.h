// SPDX-License-Identifier: Apache-2.0
// The description of a call that a rank sends to the others before any data, and the check that two
// ranks' calls match.
#pragma once

#include <nccl.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace sy::hostcuda {

enum class CallKind : int32_t {
  all_reduce,
  reduce_scatter,
  reduce,
  all_gather,
  broadcast,
  exchange,
  destroy
};

// How the elements of an exchange are divided into blocks, in a form that two ranks can compare.
struct BlockSizes {
  uint64_t elements = 0, blocks = 0;
  uint64_t order = 0;  // a hash of the block sizes in order

  void add(uint64_t block) {
    elements += block;
    blocks += 1;
    order = (order ^ block) * 0x100000001b3;  // as FNV-1a does
  }
  bool operator==(const BlockSizes&) const = default;
};

// Which launch a call is of those that two processes make together, on all their communicators,
// counted from the last communicator that they made. A GPU launches in the order of its host
// (NCCL_LAUNCH_ORDER_IMPLICIT) and a call holds it up until all ranks have launched theirs, so two
// processes with different orders wait for each other for ever.
struct Turn {
  int64_t communicators = 0, launches = 0;
};

struct Call {
  int64_t number = 0;  // counts this rank's calls on the communicator, from 1
  CallKind kind = CallKind::destroy;
  ncclDataType_t type = ncclInt8;
  ncclRedOp_t op = ncclSum;
  int32_t root = 0;
  uint64_t count = 0;  // elements, for a collective
  // For an exchange (grouped sends and receives): what goes to and comes from the receiver of this
  // description.
  BlockSizes sends, receives;
  Turn turn;  // of the sender among its launches with the receiver
};

// Bytes per element; 0 for types that no tensor has.
size_t size_of(ncclDataType_t type);

// Empty if the calls of the ranks `mine` and `theirs` match; otherwise one sentence that names
// both. Both ranks get the same sentence.
std::string mismatch(const Call& my_call, int mine, const Call& their_call, int theirs);

// The same for matching calls that were launched in different turns.
std::string misordered(const Call& my_call, int mine, const Call& their_call, int theirs);

}  // namespace sy::hostcuda
