// SPDX-License-Identifier: Apache-2.0
// Streams as queues. Queued work runs only when the program waits for something: as late, and in as
// adverse an order, as streams and events permit (schedule.h). It runs in the waiting host thread.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <string>

#include "tests/hostcuda/device/launch.h"
#include "tests/hostcuda/device/memory.h"

namespace sy::hostcuda {

// Queues work of other libraries. `work` may be called much later, so whatever it refers to must
// live until then. It needs a DeviceAccess to touch device memory and must not call the CUDA
// runtime. The default stream and destroyed streams are reported.
void queue_host(cudaStream_t stream, std::string name, std::function<void()> work);

// The same for work that is a kernel launch on a GPU: with CUDA_LAUNCH_BLOCKING=1 this function
// waits for it.
void queue_launch(cudaStream_t stream, std::string name, std::function<void()> work);

// Queues work that is in flight, such as a message: `poll` is called repeatedly, while other
// streams make progress, and the stream proceeds once `poll` returns true.
void queue_poll(cudaStream_t stream, std::string name, std::function<bool()> poll);

// Work that runs on a stream: lets events see this much time pass, without waiting for it.
void pass_time(double milliseconds);

// Runs one entry of some stream or polls work in flight; returns false if nothing could be done.
// For host code that waits for other processes by means other than CUDA: those may wait for work
// that is queued here, which a GPU would have completed by itself.
bool make_progress();

}  // namespace sy::hostcuda
