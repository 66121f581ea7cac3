// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/nccl/nccl_call.h"

#include <fmt/core.h>

namespace sy::hostcuda {
namespace {

const char* name_of(ncclDataType_t type) {
  switch (type) {
    case ncclFloat32:
      return "float32";
    case ncclFloat64:
      return "float64";
    case ncclInt32:
      return "int32";
    case ncclBfloat16:
      return "bfloat16";
    default:
      return "elements";
  }
}

// Equal numbers of blocks and elements in different orders read the same here.
std::string describe(const BlockSizes& sizes) {
  if (sizes.blocks <= 1) return fmt::format("{}", sizes.elements);
  return fmt::format("{} (in {} blocks)", sizes.elements, sizes.blocks);
}

std::string describe(const Call& call, int peer) {
  switch (call.kind) {
    case CallKind::all_reduce:
      return fmt::format("all-reduce ({}) of {} {}", call.op == ncclMax ? "max" : "sum", call.count,
                         name_of(call.type));
    case CallKind::reduce_scatter:
      return fmt::format("reduce-scatter (sum) of {} {}", call.count, name_of(call.type));
    case CallKind::reduce:
      return fmt::format("reduce (sum) of {} {} to rank {}", call.count, name_of(call.type),
                         call.root);
    case CallKind::all_gather:
      return fmt::format("all-gather of {} {}", call.count, name_of(call.type));
    case CallKind::broadcast:
      return fmt::format("broadcast of {} {} from rank {}", call.count, name_of(call.type),
                         call.root);
    case CallKind::exchange:
      return fmt::format("send of {} and receive of {} {} with rank {}", describe(call.sends),
                         describe(call.receives), name_of(call.type), peer);
    case CallKind::destroy:
      return "end of the communicator";
  }
  return "";
}

bool match(const Call& a, const Call& b) {
  return a.kind == b.kind && a.type == b.type && a.op == b.op && a.root == b.root &&
         a.count == b.count && a.sends == b.receives && a.receives == b.sends &&
         a.kind != CallKind::destroy;
}

}  // namespace

size_t size_of(ncclDataType_t type) {
  switch (type) {
    case ncclFloat64:
      return 8;
    case ncclFloat32:
    case ncclInt32:
      return 4;
    case ncclBfloat16:
      return 2;
    default:
      return 0;
  }
}

std::string mismatch(const Call& my_call, int mine, const Call& their_call, int theirs) {
  if (match(my_call, their_call)) return "";
  if (mine > theirs) return mismatch(their_call, theirs, my_call, mine);
  return fmt::format("call {} of rank {} is {}, but call {} of rank {} is {}", my_call.number, mine,
                     describe(my_call, theirs), their_call.number, theirs,
                     describe(their_call, mine));
}

std::string misordered(const Call& my_call, int mine, const Call& their_call, int theirs) {
  const Turn &my_turn = my_call.turn, &their_turn = their_call.turn;
  if (my_turn.communicators != their_turn.communicators) return "";  // not counted from one point
  if (my_turn.launches == their_turn.launches) return "";
  if (mine > theirs) return misordered(their_call, theirs, my_call, mine);
  return fmt::format(
      "call {} of the communicator, {}, is launch {} of rank {} with rank {} on all communicators, "
      "but "
      "launch {} of rank {}: GPUs that launch in these orders wait for each other",
      my_call.number, describe(my_call, theirs), my_turn.launches, mine, theirs,
      their_turn.launches, theirs);
}

}  // namespace sy::hostcuda
