// SPDX-License-Identifier: Apache-2.0
// The functions that code compiled with -fsanitize=thread calls, in place of ThreadSanitizer's
// library (the names and their meaning: gcc/sanitizer.def). Memory accesses of kernels are noted;
// all else passes. Host code of the same files calls them too, outside kernels.
#include <cstddef>
#include <cstdint>

#include "tests/hostcuda/device/report.h"
#include "tests/hostcuda/races/accesses.h"
#include "tests/hostcuda/races/race_report.h"

namespace {

using sy::hostcuda::Access;

void note(const void* at, size_t bytes, Access access, const void* code) {
  if (sy::hostcuda::running.is_kernel) sy::hostcuda::note_access(at, bytes, access, code);
}

// For accesses that the compiler makes with one instruction of this size.
void note_aligned(const void* at, size_t bytes, Access access, const void* code) {
  if (!sy::hostcuda::running.is_kernel) return;
  if (reinterpret_cast<uintptr_t>(at) % bytes != 0) {
    sy::hostcuda::report_unaligned_access(at, bytes, access, code);
  }
  sy::hostcuda::note_access(at, bytes, access, code);
}

}  // namespace

extern "C" {

void __tsan_init() {
  sy::hostcuda::watching = true;
}

#define SY_ACCESS(bytes)                                                 \
  void __tsan_read##bytes(void* at) {                                    \
    note_aligned(at, bytes, Access::read, __builtin_return_address(0));  \
  }                                                                      \
  void __tsan_write##bytes(void* at) {                                   \
    note_aligned(at, bytes, Access::write, __builtin_return_address(0)); \
  }                                                                      \
  void __tsan_unaligned_read##bytes(void* at) {                          \
    note(at, bytes, Access::read, __builtin_return_address(0));          \
  }                                                                      \
  void __tsan_unaligned_write##bytes(void* at) {                         \
    note(at, bytes, Access::write, __builtin_return_address(0));         \
  }
SY_ACCESS(1)
SY_ACCESS(2)
SY_ACCESS(4)
SY_ACCESS(8)
SY_ACCESS(16)
#undef SY_ACCESS

void __tsan_read_range(void* at, size_t bytes) {
  note(at, bytes, Access::read, __builtin_return_address(0));
}
void __tsan_write_range(void* at, size_t bytes) {
  note(at, bytes, Access::write, __builtin_return_address(0));
}
void __tsan_vptr_update(void** at, void* /*value*/) {
  note(at, sizeof(void*), Access::write, __builtin_return_address(0));
}

// Only host code has these: kernels use atomicAdd and its like (device_atomics.h).
#define SY_CHANGE(bits, name, call)                                                              \
  uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t* at, uint##bits##_t value, \
                                              int /*order*/) {                                   \
    return call(at, value, __ATOMIC_SEQ_CST);                                                    \
  }
#define SY_EXCHANGE(bits, strength, weak)                                                         \
  bool __tsan_atomic##bits##_compare_exchange_##strength(                                         \
      volatile uint##bits##_t* at, uint##bits##_t* expected, uint##bits##_t value, int /*order*/, \
      int /*otherwise*/) {                                                                        \
    return __atomic_compare_exchange_n(at, expected, value, weak, __ATOMIC_SEQ_CST,               \
                                       __ATOMIC_SEQ_CST);                                         \
  }
#define SY_ATOMICS(bits)                                                                        \
  uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t* at, int /*order*/) { \
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                               \
  }                                                                                             \
  void __tsan_atomic##bits##_store(volatile uint##bits##_t* at, uint##bits##_t value,           \
                                   int /*order*/) {                                             \
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                              \
  }                                                                                             \
  SY_CHANGE(bits, exchange, __atomic_exchange_n)                                                \
  SY_CHANGE(bits, fetch_add, __atomic_fetch_add)                                                \
  SY_CHANGE(bits, fetch_sub, __atomic_fetch_sub)                                                \
  SY_CHANGE(bits, fetch_and, __atomic_fetch_and)                                                \
  SY_CHANGE(bits, fetch_or, __atomic_fetch_or)                                                  \
  SY_CHANGE(bits, fetch_xor, __atomic_fetch_xor)                                                \
  SY_EXCHANGE(bits, strong, false)                                                              \
  SY_EXCHANGE(bits, weak, true)
SY_ATOMICS(8)
SY_ATOMICS(16)
SY_ATOMICS(32)
SY_ATOMICS(64)

void __tsan_func_entry(void* /*caller*/) {}
void __tsan_func_exit() {}

}  // extern "C"
