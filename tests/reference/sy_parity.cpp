// SPDX-License-Identifier: Apache-2.0
// sy_parity [--float64] MODEL BATCH OUT: tests/reference/parity_run.h as a program, for parity.py.
#include <fmt/format.h>

#include <exception>

#include "tests/reference/parity_run.h"

int main(int argc, char** argv) {
  const bool wide = argc == 5 && std::string(argv[1]) == "--float64";
  if (argc != 4 && !wide) {
    fmt::print(stderr, "usage: sy_parity [--float64] MODEL BATCH OUT\n");
    return 2;
  }
  char** const paths = argv + argc - 3;
  try {
    sy::test::run_parity(paths[0], paths[1], paths[2], wide ? sy::DType::f64 : sy::DType::f32);
  } catch (const std::exception& error) {
    fmt::print(stderr, "sy_parity: {}\n", error.what());
    return 1;
  }
  return 0;
}
