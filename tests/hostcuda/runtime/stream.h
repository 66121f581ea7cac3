// Streams as queues: what is queued runs only when the program waits for something, as late and in
// as unkind an order as streams and events permit (schedule.h), in the waiting host thread.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <string>

#include "tests/hostcuda/device/launch.h"
#include "tests/hostcuda/device/memory.h"

namespace sy::hostcuda {

// What other libraries queue. The functions may be called much later: what they
// refer to must live until then. Device memory needs a DeviceAccess within them. They call nothing
// of the CUDA runtime. The default stream, and one that was destroyed, are reported.
void queue_host(cudaStream_t stream, std::string name, std::function<void()> work);

// The same for what starts kernels on a GPU: with CUDA_LAUNCH_BLOCKING=1 it is waited for.
void queue_launch(cudaStream_t stream, std::string name, std::function<void()> work);

// The stream goes on once `poll` has returned true; until then it is called again and again, and
// other streams go on: work in flight.
void queue_poll(cudaStream_t stream, std::string name, std::function<bool()> poll);

// Runs one entry of some stream, or polls what is in flight; false when nothing could be done. For
// host code that waits for other processes by other means than CUDA: theirs may wait for what is
// queued here, and a GPU would have gone on by itself.
bool make_progress();

}  // namespace sy::hostcuda
