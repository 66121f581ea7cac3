// The words of each enumeration of run_config.h, in the order of its values. The argument only
// picks the enumeration.
#pragma once

#include <span>
#include <string_view>

#include "lib/config/run_config.h"

namespace sy {

using Words = std::span<const std::string_view>;

Words words(BackendChoice);
Words words(Precision);
Words words(Activation);
Words words(CapacityMode);
Words words(Convention);
Words words(Separator);
Words words(BadRecordPolicy);
Words words(OptimizerName);
Words words(ScheduleName);
Words words(NonFinitePolicy);

// The word of a value: name_of(Activation::relu) is "relu".
template <class Enum>
std::string_view name_of(Enum value) {
  return words(value)[static_cast<size_t>(value)];
}

}  // namespace sy
