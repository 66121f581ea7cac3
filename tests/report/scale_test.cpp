// SPDX-License-Identifier: Apache-2.0
#include "lib/report/scale.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>

namespace sy::report {
namespace {

std::vector<std::string> texts(const Scale& scale) {
  std::vector<std::string> all;
  for (const double tick : scale.ticks) all.push_back(scale.tick_text(tick));
  return all;
}

TEST_CASE("scale: ticks are multiples of 1, 2 or 5 times a power of ten", "[scale]") {
  CHECK(texts(value_scale(2.05, 6.83)) == std::vector<std::string>{"2", "3", "4", "5", "6", "7"});
  CHECK(texts(value_scale(0.41, 0.44)) ==
        std::vector<std::string>{"0.41", "0.415", "0.42", "0.425", "0.43", "0.435", "0.44"});
  CHECK(texts(value_scale(-0.3, 0.9)) ==
        std::vector<std::string>{"-0.4", "-0.2", "0", "0.2", "0.4", "0.6", "0.8", "1"});
  CHECK(texts(place_scale(1200, Axis::steps)) ==
        std::vector<std::string>{"0", "200", "400", "600", "800", "1k", "1.2k"});
  CHECK(texts(place_scale(20, Axis::steps)) ==
        std::vector<std::string>{"0", "5", "10", "15", "20"});
}

TEST_CASE("scale: all values lie on the axis, and few ticks too, whatever they are", "[scale]") {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    const double low = std::ldexp(1.0, static_cast<int>(random() % 60) - 30) *
                       (static_cast<double>(random() % 2000) - 1000);
    const double high = low + std::ldexp(1.0, static_cast<int>(random() % 60) - 30);
    CAPTURE(low, high);
    const Scale scale = value_scale(low, high);
    REQUIRE(scale.share(low) >= -1e-6);
    REQUIRE(scale.share(high) <= 1 + 1e-6);
    REQUIRE(scale.ticks.size() >= 2);
    REQUIRE(scale.ticks.size() <= 10);
    for (const double tick : scale.ticks) {
      REQUIRE(scale.share(tick) >= -1e-6);
      REQUIRE(scale.share(tick) <= 1 + 1e-6);
    }
  }
}

TEST_CASE("scale: one value lies in the middle", "[scale]") {
  const double value = GENERATE(0.0, 1e-12, 4.0, -3e9);
  const Scale scale = value_scale(value, value);
  CHECK(scale.share(value) == Approx(0.5).margin(0.2));
}

TEST_CASE("scale: values that span more than a factor of 50 are drawn by their logarithm",
          "[scale]") {
  const Scale scale = value_scale(0.5, 5000);
  CHECK(scale.logarithmic);
  CHECK(scale.share(50) == Approx(0.5));
  CHECK(texts(scale) == std::vector<std::string>{"1", "10", "100", "1k"});
  CHECK(texts(value_scale(1, 60)) == std::vector<std::string>{"1", "2", "5", "10", "20", "50"});
  CHECK_FALSE(value_scale(0.0, 5000).logarithmic);
  CHECK_FALSE(value_scale(1, 49).logarithmic);
}

TEST_CASE("scale: times count in the largest unit of which there are two", "[scale]") {
  const auto [seconds, unit] =
      GENERATE(std::pair{119.0, "s"}, std::pair{120.0, "min"}, std::pair{7199.0, "min"},
               std::pair{7200.0, "h"}, std::pair{172800.0, "d"}, std::pair{0.0, "s"});
  CHECK(place_scale(seconds, Axis::seconds).unit_name == unit);
  CHECK(texts(place_scale(300, Axis::seconds)) ==
        std::vector<std::string>{"0", "1", "2", "3", "4", "5"});
}

TEST_CASE("scale: numbers and durations are short", "[scale]") {
  CHECK(short_number(1234567) == "1.23457M");
  CHECK(short_number(39210.7, 4) == "39.21k");
  CHECK(short_number(-1000) == "-1k");
  CHECK(short_number(0.25) == "0.25");
  CHECK(short_duration(42) == "42 s");
  CHECK(short_duration(90) == "1.5 min");
  CHECK(short_duration(3600) == "1 h");
  CHECK(short_duration(200000) == "2.31 d");
}

}  // namespace
}  // namespace sy::report
