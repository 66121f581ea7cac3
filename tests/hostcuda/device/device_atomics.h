// SPDX-License-Identifier: Apache-2.0
// Atomic operations of device code; each returns the previous value. Fibers switch only where they
// wait, so plain reads and writes are atomic here: that one is missing is found by the reports of
// races (accesses.h), not by a result.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "tests/hostcuda/races/accesses.h"

namespace sy::hostcuda {

// The types that the device supports, so that what compiles here also compiles there.
template <class T>
concept Countable =
    std::is_same_v<T, int> || std::is_same_v<T, unsigned> || std::is_same_v<T, unsigned long long>;
template <class T>
concept Addable = Countable<T> || std::is_same_v<T, float> || std::is_same_v<T, double>;
template <class T>
concept Exchangeable = Countable<T> || std::is_same_v<T, float>;

// Makes the result of an atomic operation visible to all threads at once (held_writes.h).
void show_atomic(const void* at, size_t bytes);

// Replaces *at by next(*at) and returns what was there. Neither the compiler's
// own notes of accesses nor inlining: a watched program notes one atomic access, of the caller.
template <class T, class Next>
[[gnu::noinline, gnu::no_sanitize("thread")]] T change(T* at, Next next) {
  if (watching) note_access(at, sizeof(T), Access::atomic, __builtin_return_address(0));
  const T before = *at;
  *at = next(before);
  show_atomic(at, sizeof(T));
  return before;
}

}  // namespace sy::hostcuda

template <sy::hostcuda::Addable T>
T atomicAdd(T* at, std::type_identity_t<T> value) {
  return sy::hostcuda::change(at, [value](T before) { return static_cast<T>(before + value); });
}
template <sy::hostcuda::Countable T>
T atomicMax(T* at, std::type_identity_t<T> value) {
  return sy::hostcuda::change(at, [value](T before) { return std::max(before, value); });
}
template <sy::hostcuda::Countable T>
T atomicMin(T* at, std::type_identity_t<T> value) {
  return sy::hostcuda::change(at, [value](T before) { return std::min(before, value); });
}
template <sy::hostcuda::Exchangeable T>
T atomicExch(T* at, std::type_identity_t<T> value) {
  return sy::hostcuda::change(at, [value](T) { return value; });
}
template <sy::hostcuda::Countable T>
T atomicCAS(T* at, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return sy::hostcuda::change(
      at, [expected, value](T before) { return before == expected ? value : before; });
}
