// SPDX-License-Identifier: Apache-2.0
// main() of the single-process test programs. A test that lacks something it needs calls
// sy::test::skip; a run with a skip and without a failure exits with 77, which ctest shows as
// skipped. A filter that matches no test is a failure, as with Catch2's option -w NoTests.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "tests/support/shared_files.h"

int main(int argc, char** argv) {
  Catch::Session session;
  session.configData().warnings = Catch::WarnAbout::NoTests;
  const int failed = session.run(argc, argv);
  if (failed == 0 && sy::test::any_skipped()) return 77;
  return failed;
}
