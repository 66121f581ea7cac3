// SPDX-License-Identifier: Apache-2.0
#include "lib/tensor/cuda/staged_copy_cuda.h"

#include "lib/tensor/cuda/cuda_check.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {

struct CudaEventSlot {
  CudaEventSlot() {
    check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "creating an event");
  }
  ~CudaEventSlot() { cudaEventDestroy(event); }  // an error here follows one that has been reported
  CudaEventSlot(const CudaEventSlot&) = delete;
  CudaEventSlot& operator=(const CudaEventSlot&) = delete;

  void record(cudaStream_t stream) { check_cuda(cudaEventRecord(event, stream), "recording"); }
  void hold(cudaStream_t stream) {
    check_cuda(cudaStreamWaitEvent(stream, event, 0), "ordering streams");
  }
  void wait() { check_cuda(cudaEventSynchronize(event), "waiting for a copy"); }

  cudaEvent_t event = nullptr;
};

Readback::Cuda::Cuda() : done(std::make_unique<CudaEventSlot>()) {}
Readback::Cuda::~Cuda() = default;

void Readback::Cuda::start(Exec& exec, const std::vector<Tensor>& from,
                           const std::vector<Tensor>& to) {
  const cudaStream_t stream = cuda(exec).compute;
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i].bytes() == 0) continue;
    check_cuda(cudaMemcpyAsync(to[i].raw(), from[i].raw(), static_cast<size_t>(from[i].bytes()),
                               cudaMemcpyDeviceToHost, stream),
               "copying numbers of a step");
  }
  done->record(stream);
}

void Readback::Cuda::wait() {
  done->wait();
}

struct StagedUpload::Cuda {
  Exec& exec;
  int64_t bytes;
  Memory host[2], device[2];
  CudaEventSlot copied[2];  // recorded when the copy out of host[i] is done
  CudaEventSlot reached;    // the point the exec's stream had reached at the previous send()
  int turn = 0;
};

StagedUpload::StagedUpload(Exec& exec, int64_t bytes)
    : cuda_(new Cuda{exec, bytes, {}, {}, {}, {}, 0}) {
  for (Memory& memory : cuda_->host) memory = Memory(MemoryKind::pinned, bytes, "batches");
  for (Memory& memory : cuda_->device) memory = Memory(exec.memory, bytes, "batches");
}

StagedUpload::~StagedUpload() = default;

char* StagedUpload::next() {
  cuda_->copied[cuda_->turn].wait();  // returns at once if nothing has been recorded yet
  return static_cast<char*>(cuda_->host[cuda_->turn].data());
}

char* StagedUpload::send() {
  Cuda& c = *cuda_;
  CudaContext& context = sy::cuda(c.exec);
  // The device block was read by work that was queued before the previous send().
  c.reached.hold(context.copies);
  c.reached.record(context.compute);
  void* const to = c.device[c.turn].data();
  check_cuda(cudaMemcpyAsync(to, c.host[c.turn].data(), static_cast<size_t>(c.bytes),
                             cudaMemcpyHostToDevice, context.copies),
             "copying a batch");
  c.copied[c.turn].record(context.copies);
  c.copied[c.turn].hold(context.compute);
  c.turn = 1 - c.turn;
  return static_cast<char*>(to);
}

}  // namespace sy
