// SPDX-License-Identifier: Apache-2.0
#include "lib/report/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace sy::report {
namespace {

constexpr int kValueTicks = 5, kPlaceTicks = 4;
constexpr double kLogarithmicFrom = 50;  // largest / smallest value

struct TimeUnit {
  double seconds;
  const char* name;
};
constexpr std::array<TimeUnit, 4> kTimeUnits{{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}};

// The largest unit of which there are at least `least`, or else seconds.
TimeUnit time_unit(double seconds, double least) {
  const auto fits = [&](const TimeUnit& unit) { return seconds >= least * unit.seconds; };
  const auto* const found = std::find_if(kTimeUnits.begin(), kTimeUnits.end(), fits);
  return found == kTimeUnits.end() ? kTimeUnits.back() : *found;
}

// The distance, 1, 2 or 5 times a power of ten, of which a span has nearest to `wanted`.
double round_distance(double span, int wanted) {
  const double rough = span / wanted, power = std::pow(10, std::floor(std::log10(rough)));
  const double factor = rough / power;
  // The borders are those of equal ratios.
  if (factor < std::sqrt(2)) return power;
  if (factor < std::sqrt(10)) return 2 * power;
  return (factor < std::sqrt(50) ? 5 : 10) * power;
}

std::vector<double> multiples(double low, double high, double distance) {
  std::vector<double> ticks;
  const double first = std::ceil(low / distance - 1e-9), last = std::floor(high / distance + 1e-9);
  for (double number = first; number <= last; ++number) {
    ticks.push_back(number * distance + 0.0);  // + 0.0 turns -0 into 0
  }
  return ticks;
}

// Powers of ten, and between few of them also their double and fivefold.
std::vector<double> logarithmic_ticks(double low, double high) {
  constexpr double kRoomForPowers = 6;
  const double decades = std::log10(high / low), stride = std::ceil(decades / kRoomForPowers);
  std::vector<double> ticks;
  for (double power = std::floor(std::log10(low)); power <= std::log10(high); power += stride) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10, power);
      if (factor > 1 && decades > 2) continue;
      if (tick >= low && tick <= high) ticks.push_back(tick);
    }
  }
  return ticks;
}

}  // namespace

double Scale::share(double value) const {
  if (logarithmic) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

std::string Scale::tick_text(double tick) const {
  return short_number(tick / unit);
}

Scale value_scale(double low, double high) {
  Scale scale;
  if (low > 0 && high / low > kLogarithmicFrom) {
    scale = {low, high, true, logarithmic_ticks(low, high), 1, ""};
    return scale;
  }
  // Where all values are one, or differ by their rounding only, it lies in the middle.
  const double least = std::max(std::abs(low), std::abs(high)) * 1e-6;
  if (high - low <= least) {
    const double around = least > 0 ? std::abs(low) * 0.1 : 1;
    low -= around;
    high += around;
  }
  const double distance = round_distance(high - low, kValueTicks);
  scale.low = std::floor(low / distance + 1e-9) * distance;
  scale.high = std::ceil(high / distance - 1e-9) * distance;
  scale.ticks = multiples(scale.low, scale.high, distance);
  return scale;
}

Scale place_scale(double high, Axis axis) {
  Scale scale;
  scale.high = high > 0 ? high : 1;
  if (axis == Axis::seconds) {
    const TimeUnit unit = time_unit(high, 2);
    scale.unit = unit.seconds;
    scale.unit_name = unit.name;
  }
  const double distance = round_distance(scale.high / scale.unit, kPlaceTicks) * scale.unit;
  scale.ticks = multiples(0, scale.high, distance);
  return scale;
}

std::string short_number(double value, int digits) {
  constexpr std::array<const char*, 6> kPrefixes{"", "k", "M", "G", "T", "P"};
  size_t prefix = 0;
  while (std::abs(value) >= 1000 && prefix + 1 < kPrefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  return fmt::format("{:.{}g}{}", value, digits, kPrefixes.at(prefix));
}

std::string short_duration(double seconds) {
  const TimeUnit unit = time_unit(seconds, 1);
  return fmt::format("{:.3g} {}", seconds / unit.seconds, unit.name);
}

}  // namespace sy::report
