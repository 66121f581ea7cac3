// SPDX-License-Identifier: Apache-2.0
// NCCL's collectives and grouped sends and receives, behind NCCL's own header. Only a subset is
// executed: all calls of a communicator use one stream, and a group contains either sends and
// receives of one communicator and type, or reduces and broadcasts, which then run one after
// another. Everything else is refused. When a call is made, its arguments are checked as far as
// this rank can tell; when the stream reaches it, the ranks compare them.
#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "tests/hostcuda/device/memory.h"
#include "tests/hostcuda/nccl/nccl_comm.h"
#include "tests/hostcuda/nccl/nccl_operation.h"
#include "tests/hostcuda/runtime/stream.h"

using namespace sy::hostcuda;

namespace {

struct Group {
  int depth = 0;
  ncclComm_t comm = nullptr;
  cudaStream_t stream = nullptr;
  ncclDataType_t type = ncclInt8;
  std::vector<Part> parts;
  std::vector<std::function<ncclResult_t()>> collectives;
  bool refused = false;  // a call within the group was refused
  bool mixed = false;    // it has more than one communicator, stream or type
};
Group group;

// The checks that apply to every call. Returns nothing if the call may proceed.
std::optional<ncclResult_t> refused(const char* call, ncclComm_t comm, ncclDataType_t type,
                                    cudaStream_t stream) {
  check_alive(comm, call);
  if (has_failed(*comm)) return comm->error.load();
  if (size_of(type) == 0)
    return refuse(ncclInvalidArgument, fmt::format("{}: type {}", call, +type));
  if (comm->stream != nullptr && comm->stream != stream) {
    return refuse(ncclInvalidUsage, fmt::format("{}: not on the stream of earlier calls", call));
  }
  return std::nullopt;
}

std::optional<ncclResult_t> outside_memory(const char* call, const void* at, size_t bytes) {
  const std::lock_guard lock(runtime_mutex());
  if (bytes == 0 || find_range(at, bytes) != nullptr) return std::nullopt;
  return refuse(
      ncclInvalidArgument,
      fmt::format("{}: {} bytes at {} are not all within device memory", call, bytes, at));
}

Call next_call(ncclComm_t comm, CallKind kind, ncclDataType_t type, uint64_t count) {
  Call call;
  call.number = ++comm->calls;
  call.kind = kind;
  call.type = type;
  call.count = count;
  return call;
}

ncclResult_t queue(const char* name, ncclComm_t comm, cudaStream_t stream,
                   const std::shared_ptr<Operation>& operation) {
  comm->stream = stream;
  comm->operations.push_back(operation);
  queue_poll(stream, name, [operation] { return operation->poll(); });
  return ncclSuccess;
}

ncclResult_t queue_group(Group all) {
  if (all.refused) return ncclInvalidUsage;
  if (all.mixed)
    return refuse(ncclInvalidUsage, "a group of more than one communicator, stream or type");
  if (!all.parts.empty() && !all.collectives.empty())
    return refuse(ncclInvalidUsage, "a group of collectives and of sends or receives");
  for (const auto& collective : all.collectives) {
    if (const ncclResult_t result = collective(); result != ncclSuccess) return result;
  }
  if (all.parts.empty()) return ncclSuccess;
  for (const Part& part : all.parts) {
    if (part.rank != all.comm->rank) continue;
    const BlockSizes sends = sizes_of(part.sends), receives = sizes_of(part.receives);
    if (sends == receives) continue;
    return refuse(
        ncclInvalidUsage,
        fmt::format("rank {} sends itself {} elements in {} blocks and receives {} in {}",
                    part.rank, sends.elements, sends.blocks, receives.elements, receives.blocks));
  }
  const Call call = next_call(all.comm, CallKind::exchange, all.type, 0);
  return queue("ncclSend and ncclRecv", all.comm, all.stream,
               exchange(*all.comm, call, std::move(all.parts)));
}

// The part of the group that concerns this peer, created if necessary.
Part& part_with(int rank, ncclComm_t comm, ncclDataType_t type, cudaStream_t stream) {
  if (group.parts.empty()) {
    group.comm = comm;
    group.stream = stream;
    group.type = type;
  }
  group.mixed |= group.comm != comm || group.stream != stream || group.type != type;
  const auto at = std::find_if(group.parts.begin(), group.parts.end(),
                               [rank](const Part& part) { return part.rank == rank; });
  if (at != group.parts.end()) return *at;
  return group.parts.emplace_back(Part{rank, {}, {}});
}

std::optional<ncclResult_t> refused_peer(const char* call, const void* at, size_t count,
                                         ncclDataType_t type, int peer, ncclComm_t comm,
                                         cudaStream_t stream) {
  if (const auto result = refused(call, comm, type, stream)) return result;
  if (peer < 0 || peer >= comm->size()) {
    return refuse(ncclInvalidArgument, fmt::format("{}: no rank {}", call, peer));
  }
  return outside_memory(call, at, count * size_of(type));
}

std::optional<ncclResult_t> refused_collective(const char* call, const void* send, size_t sends,
                                               const void* recv, size_t receives,
                                               ncclDataType_t type, ncclComm_t comm,
                                               cudaStream_t stream) {
  if (const auto result = refused(call, comm, type, stream)) return result;
  if (const auto result = outside_memory(call, send, sends * size_of(type))) return result;
  return outside_memory(call, recv, receives * size_of(type));
}

// Only a few collectives are executed within a group.
std::optional<ncclResult_t> refused_alone(const char* call, const void* send, size_t sends,
                                          const void* recv, size_t receives, ncclDataType_t type,
                                          ncclComm_t comm, cudaStream_t stream) {
  if (group.depth > 0) return refuse(ncclInvalidUsage, fmt::format("{} in a group", call));
  return refused_collective(call, send, sends, recv, receives, type, comm, stream);
}

// A call with a root, which sends or receives for all.
std::optional<ncclResult_t> refused_rooted(const char* call, const void* send, size_t sends,
                                           const void* recv, size_t receives, ncclDataType_t type,
                                           int root, ncclComm_t comm, cudaStream_t stream) {
  auto result = refused_collective(call, send, sends, recv, receives, type, comm, stream);
  if (!result && (root < 0 || root >= comm->size())) {
    result = refuse(ncclInvalidArgument, fmt::format("{}: no rank {}", call, root));
  }
  if (result) group.refused = group.depth > 0;
  return result;
}

bool is_summed(ncclDataType_t type) {
  return type == ncclFloat32 || type == ncclFloat64 || type == ncclInt32;
}

// Runs `call` now, or at the end of the group.
ncclResult_t now_or_in_group(const std::function<ncclResult_t()>& call) {
  if (group.depth == 0) return call();
  group.collectives.push_back(call);
  return ncclSuccess;
}

}  // namespace

ncclResult_t ncclAllReduce(const void* send, void* recv, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  constexpr const char* kName = "ncclAllReduce";
  if (const auto result = refused_alone(kName, send, count, recv, count, type, comm, stream)) {
    return *result;
  }
  if (!is_summed(type) || (op != ncclSum && op != ncclMax)) {
    return refuse(
        ncclInvalidArgument,
        "ncclAllReduce: only sums and maxima of float32, float64 and int32 are supported");
  }
  Call call = next_call(comm, CallKind::all_reduce, type, count);
  call.op = op;
  return queue(kName, comm, stream, all_reduce(*comm, call, send, recv));
}

ncclResult_t ncclAllGather(const void* send, void* recv, size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  constexpr const char* kName = "ncclAllGather";
  const size_t all = count * comm->world.size();
  if (const auto result = refused_alone(kName, send, count, recv, all, type, comm, stream)) {
    return *result;
  }
  const Call call = next_call(comm, CallKind::all_gather, type, count);
  return queue(kName, comm, stream, all_gather(*comm, call, send, recv));
}

ncclResult_t ncclBroadcast(const void* send, void* recv, size_t count, ncclDataType_t type,
                           int root, ncclComm_t comm, cudaStream_t stream) {
  constexpr const char* kName = "ncclBroadcast";
  const size_t sends = root == comm->rank ? count : 0;
  if (const auto result =
          refused_rooted(kName, send, sends, recv, count, type, root, comm, stream)) {
    return *result;
  }
  return now_or_in_group([=] {
    Call call = next_call(comm, CallKind::broadcast, type, count);
    call.root = root;
    return queue(kName, comm, stream, broadcast(*comm, call, send, recv));
  });
}

ncclResult_t ncclReduce(const void* send, void* recv, size_t count, ncclDataType_t type,
                        ncclRedOp_t op, int root, ncclComm_t comm, cudaStream_t stream) {
  constexpr const char* kName = "ncclReduce";
  const size_t receives = root == comm->rank ? count : 0;
  if (const auto result =
          refused_rooted(kName, send, count, recv, receives, type, root, comm, stream)) {
    return *result;
  }
  if (!is_summed(type) || op != ncclSum) {
    group.refused = group.depth > 0;
    return refuse(ncclInvalidArgument,
                  "ncclReduce: only sums of float32, float64 and int32 are supported");
  }
  return now_or_in_group([=] {
    Call call = next_call(comm, CallKind::reduce, type, count);
    call.root = root;
    return queue(kName, comm, stream, reduce(*comm, call, send, recv));
  });
}

ncclResult_t ncclReduceScatter(const void* send, void* recv, size_t count, ncclDataType_t type,
                               ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  constexpr const char* kName = "ncclReduceScatter";
  const size_t all = count * comm->world.size();
  if (const auto result = refused_alone(kName, send, all, recv, count, type, comm, stream)) {
    return *result;
  }
  if (!is_summed(type) || op != ncclSum) {
    return refuse(ncclInvalidArgument,
                  "ncclReduceScatter: only sums of float32, float64 and int32 are supported");
  }
  const Call call = next_call(comm, CallKind::reduce_scatter, type, count);
  return queue(kName, comm, stream, reduce_scatter(*comm, call, send, recv));
}

ncclResult_t ncclGroupStart() {
  if (group.depth++ == 0) {
    group.parts.clear();
    group.collectives.clear();
  }
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  if (group.depth == 0) return refuse(ncclInvalidUsage, "ncclGroupEnd: no group was started");
  if (--group.depth > 0) return ncclSuccess;
  return queue_group(std::exchange(group, Group{}));
}

ncclResult_t ncclSend(const void* from, size_t count, ncclDataType_t type, int peer,
                      ncclComm_t comm, cudaStream_t stream) {
  if (const auto result = refused_peer("ncclSend", from, count, type, peer, comm, stream)) {
    group.refused = group.depth > 0;
    return *result;
  }
  ncclGroupStart();
  part_with(peer, comm, type, stream).sends.push_back({const_cast<void*>(from), count});
  return ncclGroupEnd();
}

ncclResult_t ncclRecv(void* to, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  if (const auto result = refused_peer("ncclRecv", to, count, type, peer, comm, stream)) {
    group.refused = group.depth > 0;
    return *result;
  }
  ncclGroupStart();
  part_with(peer, comm, type, stream).receives.push_back({to, count});
  return ncclGroupEnd();
}
