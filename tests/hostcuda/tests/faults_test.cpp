// SPDX-License-Identifier: Apache-2.0
// Each error planted in a kernel is found: by a wrong result under some schedule, or by a report.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tests/hostcuda/device/arithmetic.h"
#include "tests/hostcuda/device/memory.h"
#include "tests/hostcuda/runtime/stream.h"
#include "tests/hostcuda/tests/faulty_kernels.h"
#include "tests/hostcuda/tests/support.h"

namespace sy::test {
namespace {

int wrong_reversals(bool with_barrier) {
  const std::vector<int> in = counting<int>(64), expected(in.rbegin(), in.rend());
  int wrong = 0;
  for (const hostcuda::Schedule& schedule : every_schedule()) {
    hostcuda::set_schedule(schedule);
    const Stream stream;
    const Device<int> from(in), out(64);
    reverse(stream, out, from, 64, with_barrier);
    wrong += out.read(stream) != expected;
  }
  return wrong;
}

TEST_CASE("faults: a missing barrier changes the result", "[faults]") {
  CHECK(wrong_reversals(true) == 0);
  CHECK(wrong_reversals(false) == static_cast<int>(every_schedule().size()));
}

// The number of wrong results in a warp whose lanes read what other lanes wrote before `between`.
int wrong_lanes(Between between, hostcuda::Order order) {
  const std::vector<int> in = counting<int>(32), expected(in.rbegin(), in.rend());
  hostcuda::set_schedule({order, 5});
  const Stream stream;
  const Device<int> from(in), out(32);
  reverse_lanes(stream, out, from, between);
  const std::vector<int> got = out.read(stream);
  int wrong = 0;
  for (size_t i = 0; i < got.size(); ++i) wrong += got[i] != expected[i];
  return wrong;
}

TEST_CASE("faults: a vote or a shuffle in place of a barrier changes the result", "[faults]") {
  using hostcuda::Order;
  for (const Between between : {Between::vote, Between::shuffle}) {
    CHECK(wrong_lanes(between, Order::forward) == 0);
    CHECK(wrong_lanes(between, Order::reverse) > 0);
    CHECK(wrong_lanes(between, Order::random) > 0);
  }
  for (const Order order : {Order::forward, Order::reverse, Order::random}) {
    CHECK(wrong_lanes(Between::sync_warp, order) == 0);
  }
}

TEST_CASE("faults: the result of an atomic operation is visible to all at once", "[faults]") {
  for (const hostcuda::Schedule& schedule : every_schedule()) {
    hostcuda::set_schedule(schedule);
    const Stream stream;
    const Device<int> out(32);
    count_lanes(stream, out);
    CHECK(out.read(stream) == std::vector<int>(32, 32));
  }
}

TEST_CASE("faults: an index one past the end", "[faults]") {
  hostcuda::set_schedule({});
  const Stream stream;
  const Device<float> out(64);
  check_reported({"kernel write_shifted, block (1, 0, 0), thread (31, 0, 0) touched 0 bytes past "
                  "the end of device memory of 256 bytes"},
                 [&] {
                   write_shifted(stream, out, 1, 64);
                   stream.wait();
                 });
  hostcuda::set_schedule({hostcuda::Order::reverse, 0});
  check_reported({"block (1, 0, 0), thread (31, 0, 0) touched 36 bytes past"}, [&] {
    write_shifted(stream, out, 10, 64);
    stream.wait();
  });
}

TEST_CASE("faults: an index before the start", "[faults]") {
  hostcuda::set_schedule({});
  const Stream stream;
  const Device<float> page(1024);  // begins where its page does
  check_reported({"kernel write_shifted, block (0, 0, 0), thread (0, 0, 0) touched 4 bytes before "
                  "the start of device memory of 4096 bytes"},
                 [&] {
                   write_shifted(stream, page, -1, 1024);
                   stream.wait();
                 });
  const Device<float> out(64);
  check_reported({"write_shifted wrote before the start of an allocation of 256 bytes"}, [&] {
    write_shifted(stream, out, -1, 64);
    stream.wait();
  });
}

TEST_CASE("faults: a write past an end that is not a multiple of 16 bytes", "[faults]") {
  hostcuda::set_schedule({});
  const Stream stream;
  const Device<float> out(62);
  check_reported({"write_shifted wrote past the end of an allocation of 248 bytes"}, [&] {
    write_shifted(stream, out, 1, 62);
    stream.wait();
  });
}

TEST_CASE("faults: shared memory past its end", "[faults]") {
  hostcuda::set_schedule({});
  const Stream stream;
  check_reported(
      {"kernel write_shared, block (0, 0, 0), thread (31, 0, 0) touched 0 bytes past the "
       "end of the block's shared memory of 128 bytes"},
      [&] {
        write_shared(stream, 32, 32, 1);
        stream.wait();
      });
  check_reported({"kernel write_shared wrote just outside the 128 bytes"}, [&] {
    write_shared(stream, 32, 32, -1);
    stream.wait();
  });
  check_reported({"thread (0, 0, 0) touched 0 bytes past the end", "memory of 0 bytes"}, [&] {
    write_shared(stream, 32, 0, 0);
    stream.wait();
  });
}

TEST_CASE("faults: use after free", "[faults]") {
  hostcuda::set_schedule({});
  const Stream stream;
  float *device = nullptr, *managed = nullptr;
  CUDA_OK(cudaMalloc(reinterpret_cast<void**>(&device), 64));
  CUDA_OK(cudaMallocManaged(reinterpret_cast<void**>(&managed), 64));
  CUDA_OK(cudaFree(device));
  CUDA_OK(cudaFree(managed));
  check_reported({"kernel write_hidden, block (0, 0, 0), thread (0, 0, 0) touched byte 4 of freed "
                  "memory of 64 bytes"},
                 [&] {
                   write_hidden(stream, {device + 1});
                   stream.wait();
                 });
  check_reported({"the host touched byte 8 of freed memory of 64 bytes"}, [&] {
    volatile float* at = managed + 2;
    *at = 1;
  });
  check_reported({"kernel copy: argument 2 points to address", "not memory of the device"},
                 [&] { copy(stream, nullptr, device, 1); });
}

TEST_CASE("faults: a kernel that is passed host memory", "[faults]") {
  hostcuda::set_schedule({});
  const Stream stream;
  std::vector<float> host(64);
  check_reported({"kernel write_shifted: argument 1 points to address", "not memory of the device"},
                 [&] { write_shifted(stream, host.data(), 0, 64); });
  check_reported({"kernel write_hidden", "where nothing was allocated"}, [&] {
    write_hidden(stream, {reinterpret_cast<float*>(uintptr_t{4096})});
    stream.wait();
  });
}

TEST_CASE("faults: a host function that touches device memory", "[faults]") {
  hostcuda::set_schedule({});
  const Stream stream;
  const Device<int> x(std::vector<int>(4, 0));
  check_reported({"cudaLaunchHostFunc touched byte 0 of device memory of 16 bytes"}, [&] {
    cudaMemsetAsync(x, 0, 16, stream);
    cudaLaunchHostFunc(
        stream, [](void* at) { *static_cast<volatile int*>(at) = 1; }, x.data);
    cudaStreamSynchronize(stream);
  });
}

void check_misuse(Fault fault, const std::vector<std::string>& words) {
  for (const hostcuda::Schedule& schedule : every_schedule()) {
    INFO(describe(schedule));
    check_reported(words, [&] {
      hostcuda::set_schedule(schedule);
      const Stream stream;
      const Device<int> out(32);
      misuse(stream, out, fault);
      stream.wait();
    });
  }
}

TEST_CASE("faults: barriers that not all threads reach", "[faults]") {
  check_misuse(Fault::barrier_in_both_branches,
               {"kernel misuse, block (0, 0, 0)", "waits at __syncthreads in",
                "faulty_kernels.cu:", "came to __syncthreads in"});
  check_misuse(Fault::barrier_after_leaving,
               {"waits at __syncthreads in", "but thread (7, 0, 0) has left the kernel"});
}

TEST_CASE("faults: shuffles that not all lanes reach", "[faults]") {
  check_misuse(Fault::shuffle_after_leaving,
               {"waits at __shfl_xor_sync in", "has left the kernel"});
  check_misuse(Fault::shuffle_in_both_branches,
               {"waits at __shfl_xor_sync in", "came to __shfl_xor_sync in"});
  check_misuse(Fault::shuffle_and_barrier,
               {"waits at __shfl_xor_sync in", "thread (0, 0, 0) waits at __syncthreads in",
                "no thread can go on"});
  check_misuse(Fault::shuffle_without_self, {"with a mask that leaves out its own lane"});
  check_misuse(Fault::shuffle_from_outside, {"reads lane 9 in __shfl_sync"});
}

TEST_CASE("faults: addresses that are not aligned to a wide access", "[faults]") {
  hostcuda::set_schedule({});
  const char* const words[] = {"a load", "a store", "cp.async", "cp.async", "ldmatrix"};
  for (int kind = 0; kind < 5; ++kind) {
    const auto move = [kind](int shift) {
      const Stream stream;
      const Device<float> in(std::vector<float>(64, 1.0f)), out(std::vector<float>(64, 0.0f));
      move_wide(stream, out, in, static_cast<Wide>(kind), shift);
      stream.wait();
    };
    INFO(words[kind]);
    CHECK(in_child([&] { move(0); }).exit_code == 0);
    check_reported({"kernel move_wide, block (0, 0, 0), thread (0, 0, 0) passes ", words[kind],
                    "which is not aligned to 16 bytes"},
                   [&] { move(1); });
  }
}

float ulps(float found, float exact) {
  return (found - exact) / (std::nextafter(exact, 2 * exact) - exact);
}

TEST_CASE("faults: device arithmetic errs within its bounds", "[faults]") {
  const Stream stream;
  const Device<float> out(5);
  bool differs[4] = {};
  for (int i = 1; i < 100; ++i) {
    const float x = 1 + static_cast<float>(i) / 64;
    hostcuda::set_arithmetic(hostcuda::Arithmetic::exact);
    approximations(stream, out, x);
    const std::vector<float> exact = out.read(stream);
    hostcuda::set_arithmetic(hostcuda::Arithmetic::device);
    approximations(stream, out, x);
    const std::vector<float> found = out.read(stream);
    approximations(stream, out, x);
    CHECK(out.read(stream) == found);
    for (size_t f = 0; f < 4; ++f) {
      CHECK(std::fabs(ulps(found[f], exact[f])) <= 2);
      differs[f] |= found[f] != exact[f];
    }
    CHECK(exact[4] == 0x1p-26f);
    CHECK(found[4] == 0);  // cut off beside x
  }
  CHECK(std::all_of(differs, differs + 4, [](bool one) { return one; }));
  hostcuda::set_arithmetic(hostcuda::Arithmetic::exact);
}

TEST_CASE("faults: endless recursion and exceptions in a device thread", "[faults]") {
  check_misuse(Fault::endless_recursion, {"kernel misuse", "overflowed the stack"});
  check_misuse(Fault::exception, {"threw an exception: no device has these"});
}

}  // namespace
}  // namespace sy::test
