// SPDX-License-Identifier: Apache-2.0
// Streams run late and in an adverse order: work that events order stays correct, and a missing
// event wait shows.
#include "tests/hostcuda/runtime/stream.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "tests/hostcuda/tests/correct_kernels.h"
#include "tests/hostcuda/tests/support.h"

namespace sy::test {
namespace {

constexpr int kCount = 300;

// Two streams: x = 3 on the first, out = 2 x on the second, x = 5 on the first again.
// Each of the two waits can be left out; with both, out is 6 everywhere.
float produce_and_consume(bool wait_for_producer, bool wait_for_consumer) {
  const Stream producer, consumer;
  const Event produced, consumed;
  const Device<float> x(std::vector<float>(kCount, 0)), out(std::vector<float>(kCount, 0));
  const Device<float> three(std::vector<float>(kCount, 3)), five(std::vector<float>(kCount, 5));
  const size_t bytes = kCount * sizeof(float);
  CUDA_OK(cudaMemcpyAsync(x, three, bytes, cudaMemcpyDeviceToDevice, producer));
  CUDA_OK(cudaEventRecord(produced, producer));
  if (wait_for_producer) CUDA_OK(cudaStreamWaitEvent(consumer, produced, 0));
  add_scaled(consumer, out, 2, x, kCount);
  CUDA_OK(cudaEventRecord(consumed, consumer));
  if (wait_for_consumer) CUDA_OK(cudaStreamWaitEvent(producer, consumed, 0));
  CUDA_OK(cudaMemcpyAsync(x, five, bytes, cudaMemcpyDeviceToDevice, producer));
  const std::vector<float> values = out.read(consumer);
  REQUIRE(std::all_of(values.begin(), values.end(), [&](float v) { return v == values[0]; }));
  return values[0];
}

int wrong_answers(bool wait_for_producer, bool wait_for_consumer) {
  int wrong = 0;
  for (const hostcuda::Schedule& schedule : every_schedule()) {
    hostcuda::set_schedule(schedule);
    wrong += produce_and_consume(wait_for_producer, wait_for_consumer) != 6;
  }
  return wrong;
}

TEST_CASE("stream: events order two streams under every schedule", "[stream]") {
  CHECK(wrong_answers(true, true) == 0);
}

TEST_CASE("stream: a missing event wait changes the result", "[stream]") {
  CHECK(wrong_answers(false, true) > 0);
  CHECK(wrong_answers(true, false) > 0);
}

TEST_CASE("stream: nothing runs until something waits for it", "[stream]") {
  for (const hostcuda::Schedule& schedule : every_schedule()) {
    hostcuda::set_schedule(schedule);
    const Stream first, second;
    std::vector<int> ran;
    hostcuda::queue_host(first, "one", [&] { ran.push_back(1); });
    hostcuda::queue_host(second, "two", [&] { ran.push_back(2); });
    CHECK(ran.empty());
    second.wait();
    if (schedule.order == hostcuda::Order::forward) CHECK(ran == std::vector<int>{2});
    if (schedule.order == hostcuda::Order::reverse) CHECK(ran == std::vector<int>{1, 2});
    CUDA_OK(cudaDeviceSynchronize());
    CHECK(ran.size() == 2);
  }
}

TEST_CASE("stream: a wait is for the latest record at the time of the call", "[stream]") {
  hostcuda::set_schedule({});
  const Stream first, second;
  const Event event;
  CUDA_OK(cudaStreamWaitEvent(second, event, 0));  // never recorded: nothing to wait for
  CUDA_OK(cudaEventQuery(event));
  int ran = 0;
  hostcuda::queue_host(first, "before", [&] { ++ran; });
  CUDA_OK(cudaEventRecord(event, first));
  CUDA_OK(cudaStreamWaitEvent(second, event, 0));
  hostcuda::queue_host(first, "after", [&] { ++ran; });
  CUDA_OK(cudaEventRecord(event, first));
  second.wait();
  CHECK(ran == 1);
  CUDA_OK(cudaEventSynchronize(event));
  CHECK(ran == 2);
}

TEST_CASE("stream: polling in a loop terminates", "[stream]") {
  for (const hostcuda::Schedule& schedule : every_schedule()) {
    hostcuda::set_schedule(schedule);
    const Stream stream;
    const Event event;
    int ran = 0, asked = 0;
    for (int i = 0; i < 3; ++i) hostcuda::queue_host(stream, "one", [&] { ++ran; });
    CUDA_OK(cudaEventRecord(event, stream));
    hostcuda::queue_host(stream, "one", [&] { ++ran; });
    while (cudaEventQuery(event) == cudaErrorNotReady && asked < 100) ++asked;
    CHECK(asked == 3);
    while (cudaStreamQuery(stream) == cudaErrorNotReady && asked < 100) ++asked;
    CHECK(ran == 4);
  }
  cudaGetLastError();
}

TEST_CASE("stream: work in flight holds up only its own stream", "[stream]") {
  for (const hostcuda::Schedule& schedule : every_schedule()) {
    hostcuda::set_schedule(schedule);
    const Stream sender, other;
    bool sent = false, after = false;
    int polls = 0;
    hostcuda::queue_poll(sender, "send", [&] {
      ++polls;
      return sent;
    });
    hostcuda::queue_host(sender, "after", [&] { after = true; });
    // It depends on work in a stream that nothing waits for.
    hostcuda::queue_host(other, "receive", [&] {
      CHECK_FALSE(after);
      sent = true;
    });
    sender.wait();
    CHECK(after);
    CHECK(polls >= 1);
  }
}

TEST_CASE("stream: progress without waiting", "[stream]") {
  hostcuda::set_schedule({});
  const Stream stream;
  bool sent = false;
  hostcuda::queue_host(stream, "one", [] {});
  hostcuda::queue_poll(stream, "send", [&] { return sent; });
  CHECK(hostcuda::make_progress());
  CHECK_FALSE(hostcuda::make_progress());
  sent = true;
  CHECK(hostcuda::make_progress());
  CHECK(cudaStreamQuery(stream) == cudaSuccess);
}

TEST_CASE("stream: blocking copies wait only for blocking streams", "[stream]") {
  hostcuda::set_schedule({});
  const Stream blocking(cudaStreamDefault), free(cudaStreamNonBlocking);
  const Device<int> x(std::vector<int>{1, 2});
  int ran_blocking = 0, ran_free = 0, value = 0;
  hostcuda::queue_host(blocking, "one", [&] { ++ran_blocking; });
  hostcuda::queue_host(free, "two", [&] { ++ran_free; });
  CUDA_OK(cudaMemcpy(&value, x + 1, sizeof value, cudaMemcpyDeviceToHost));
  CHECK(value == 2);
  CHECK(ran_blocking == 1);
  CHECK(ran_free == 0);
}

TEST_CASE("stream: work outlives the stream's handle", "[stream]") {
  hostcuda::set_schedule({});
  int ran = 0;
  {
    const Stream stream;
    hostcuda::queue_host(stream, "one", [&] { ++ran; });
  }
  CHECK(ran == 0);
  CUDA_OK(cudaDeviceSynchronize());
  CHECK(ran == 1);
}

TEST_CASE("stream: CUDA_LAUNCH_BLOCKING runs a kernel at once", "[stream]") {
  hostcuda::set_schedule({});
  const Stream stream;
  int* out = nullptr;
  CUDA_OK(cudaMallocManaged(reinterpret_cast<void**>(&out), 64 * sizeof(int), cudaMemAttachGlobal));
  setenv("CUDA_LAUNCH_BLOCKING", "1", 1);
  number_threads(stream, out, {2, 1, 1}, {32, 1, 1});
  unsetenv("CUDA_LAUNCH_BLOCKING");
  CHECK(out[63] == 1031);
  CUDA_OK(cudaFree(out));
}

TEST_CASE("stream: two host threads, each with a stream of its own", "[stream]") {
  hostcuda::set_schedule({});
  constexpr int kThreads = 64, kTimes = 50;
  auto sums_are_right = [] {
    const Stream stream;
    const Device<float> x(counting<float>(kThreads)), out(1);
    for (int i = 0; i < kTimes; ++i) {
      block_sums(stream, out, x, 1, kThreads);
      if (out.read(stream)[0] != kThreads * (kThreads - 1) / 2) return false;
    }
    return true;
  };
  bool right = false;
  std::thread other([&] { right = sums_are_right(); });
  CHECK(sums_are_right());
  other.join();
  CHECK(right);
}

TEST_CASE("stream: misuse is reported", "[stream]") {
  hostcuda::set_schedule({});
  const Stream stream;
  const Device<int> x(4);
  check_reported({"cudaMemsetAsync", "default stream"},
                 [&] { cudaMemsetAsync(x, 0, sizeof(int), nullptr); });
  check_reported({"number_threads", "default stream"}, [&] {
    number_threads(nullptr, x, {1, 1, 1}, {4, 1, 1});
  });
  check_reported({"cudaStreamSynchronize", "does not exist"}, [] {
    cudaStream_t gone = nullptr;
    cudaStreamCreateWithFlags(&gone, cudaStreamNonBlocking);
    cudaStreamDestroy(gone);
    cudaStreamSynchronize(gone);
  });
  check_reported({"cudaEventRecord", "does not exist"}, [&] {
    cudaEvent_t gone = nullptr;
    cudaEventCreate(&gone);
    cudaEventDestroy(gone);
    cudaEventRecord(gone, stream);
  });
  check_reported({"cudaLaunchHostFunc called cudaDeviceSynchronize"}, [&] {
    cudaLaunchHostFunc(
        stream, [](void*) { cudaDeviceSynchronize(); }, nullptr);
    cudaStreamSynchronize(stream);
  });
}

}  // namespace
}  // namespace sy::test
