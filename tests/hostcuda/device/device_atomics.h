// SPDX-License-Identifier: Apache-2.0
// Atomic operations of device code; each returns the previous value. Fibers switch only where they
// wait, so plain reads and writes are atomic here: a missing atomic is NOT detected.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

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

template <class T>
void put(T* at, T value) {
  *at = value;
  show_atomic(at, sizeof value);
}

}  // namespace sy::hostcuda

template <sy::hostcuda::Addable T>
T atomicAdd(T* at, std::type_identity_t<T> value) {
  const T before = *at;
  sy::hostcuda::put(at, before + value);
  return before;
}
template <sy::hostcuda::Countable T>
T atomicMax(T* at, std::type_identity_t<T> value) {
  const T before = *at;
  sy::hostcuda::put(at, std::max(before, value));
  return before;
}
template <sy::hostcuda::Countable T>
T atomicMin(T* at, std::type_identity_t<T> value) {
  const T before = *at;
  sy::hostcuda::put(at, std::min(before, value));
  return before;
}
template <sy::hostcuda::Exchangeable T>
T atomicExch(T* at, std::type_identity_t<T> value) {
  const T before = *at;
  sy::hostcuda::put(at, value);
  return before;
}
template <sy::hostcuda::Countable T>
T atomicCAS(T* at, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  const T before = *at;
  if (before == expected) sy::hostcuda::put(at, value);
  return before;
}
