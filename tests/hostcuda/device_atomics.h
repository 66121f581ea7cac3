// Atomic operations of device code: each returns what was there before. Fibers change only where
// they wait, so plain reads and writes are atomic here; a missing atomic is NOT found by this.
#pragma once

#include <algorithm>
#include <type_traits>

namespace sy::hostcuda {

// As the device has them, so that what compiles here compiles there.
template <class T>
concept Countable =
    std::is_same_v<T, int> || std::is_same_v<T, unsigned> || std::is_same_v<T, unsigned long long>;
template <class T>
concept Addable = Countable<T> || std::is_same_v<T, float> || std::is_same_v<T, double>;
template <class T>
concept Exchangeable = Countable<T> || std::is_same_v<T, float>;

}  // namespace sy::hostcuda

template <sy::hostcuda::Addable T>
T atomicAdd(T* at, std::type_identity_t<T> value) {
  const T before = *at;
  *at = before + value;
  return before;
}
template <sy::hostcuda::Countable T>
T atomicMax(T* at, std::type_identity_t<T> value) {
  const T before = *at;
  *at = std::max(before, value);
  return before;
}
template <sy::hostcuda::Countable T>
T atomicMin(T* at, std::type_identity_t<T> value) {
  const T before = *at;
  *at = std::min(before, value);
  return before;
}
template <sy::hostcuda::Exchangeable T>
T atomicExch(T* at, std::type_identity_t<T> value) {
  const T before = *at;
  *at = value;
  return before;
}
template <sy::hostcuda::Countable T>
T atomicCAS(T* at, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  const T before = *at;
  if (before == expected) *at = value;
  return before;
}
