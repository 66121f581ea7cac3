// SPDX-License-Identifier: Apache-2.0
#include "lib/base/error.h"

#include <catch2/catch.hpp>

namespace sy {
namespace {

TEST_CASE("error: the type decides the exit code and which ranks report it", "[error]") {
  CHECK(InternalError("a").code() == ExitCode::failed);
  CHECK(RuntimeFailure("a").code() == ExitCode::failed);
  CHECK(ConfigError("a").code() == ExitCode::usage);
  CHECK(DataError("a").code() == ExitCode::data);
  CHECK(static_cast<int>(ExitCode::done) == 0);
  CHECK(static_cast<int>(ExitCode::failed) == 1);
  CHECK(static_cast<int>(ExitCode::usage) == 2);
  CHECK(static_cast<int>(ExitCode::data) == 3);
  CHECK(static_cast<int>(ExitCode::stopped) == 75);
  CHECK(InternalError("a").met_by() == MetBy::one_rank);
  CHECK(RuntimeFailure("a").met_by() == MetBy::one_rank);
  CHECK(RuntimeFailure("a", MetBy::every_rank).met_by() == MetBy::every_rank);
  CHECK(ConfigError("a").met_by() == MetBy::every_rank);
  CHECK(DataError("a").met_by() == MetBy::every_rank);
}

TEST_CASE("error: a violated invariant reports expression, location and values", "[error]") {
  const int rows = 3;
  int formatted = 0;
  SY_CHECK(rows == 3, "{}", ++formatted);
  CHECK(formatted == 0);
  try {
    SY_CHECK(rows == 4, "{} rows instead of {}", rows, 4);
    FAIL("nothing was thrown");
  } catch (const InternalError& error) {
    CHECK_THAT(error.what(), Catch::Contains("error_test.cpp:"));
    CHECK_THAT(error.what(), Catch::EndsWith(": check failed: rows == 4: 3 rows instead of 4"));
  }
}

}  // namespace
}  // namespace sy
