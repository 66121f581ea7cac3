// One value as YAML that reads back exactly, on one line.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "lib/config/names.h"

namespace sy {

std::string format_value(int64_t value);
std::string format_value(double value);
std::string format_value(bool value);
std::string format_value(const AutoInt& value);
std::string format_value(const std::string& value);
std::string format_value(const std::vector<std::string>& value);

template <class Enum>
requires std::is_enum_v<Enum> std::string format_value(Enum value) {
  return std::string(name_of(value));
}

}  // namespace sy
