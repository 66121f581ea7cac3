// SPDX-License-Identifier: Apache-2.0
// main() of the test programs that run under mpirun; every rank runs every test. The first failed
// assertion on any rank is printed with its rank and ends the job, since the other ranks would wait
// in their next collective. A run with a skip and without a failure exits with 77.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "lib/base/log.h"
#include "tests/support/mpi_world.h"
#include "tests/support/shared_files.h"

namespace sy::test {
namespace {

constexpr double kHangSeconds = 120;  // below ctest's limit, so that the watchdog reports a hang
MpiEnvironment* environment = nullptr;

class AbortOnFailure : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  bool assertionEnded(const Catch::AssertionStats& stats) override {
    const Catch::AssertionResult& result = stats.assertionResult;
    if (result.isOk()) return false;
    // Catch reports a signal as a failure, but SIGTERM only means that another rank has failed.
    if (result.getMessage().compare(0, 7, "SIGTERM") == 0) std::_Exit(1);
    std::string text = fmt::format("[rank {}/{}] {}:{}: failed: {}", log::rank(), log::size(),
                                   result.getSourceInfo().file, result.getSourceInfo().line,
                                   result.hasExpression() ? result.getExpressionInMacro() : "");
    if (result.hasExpandedExpression()) text += "\n  with: " + result.getExpandedExpression();
    if (result.hasMessage()) text += "\n  message: " + std::string(result.getMessage());
    for (const Catch::MessageInfo& info : stats.infoMessages) text += "\n  info: " + info.message;
    std::fprintf(stderr, "%s\n", text.c_str());
    std::fflush(stderr);
    MpiEnvironment::abort(1);
  }
};
CATCH_REGISTER_LISTENER(AbortOnFailure)

}  // namespace

MpiEnvironment& test_environment() {
  return *environment;
}
Communicator& test_world() {
  return environment->world();
}

}  // namespace sy::test

int main(int argc, char** argv) {
  sy::MpiEnvironment environment(&argc, &argv);
  sy::test::environment = &environment;
  sy::start_watchdog(sy::test::kHangSeconds);
  Catch::Session session;
  session.configData().warnings = Catch::WarnAbout::NoTests;  // fail if the filter matches no test
  if (const int bad = session.applyCommandLine(argc, argv); bad != 0) return bad;
  // One report is enough; failures are printed by the listener on any rank.
  if (environment.world().rank() != 0) session.configData().outputFilename = "/dev/null";
  const int failed = session.run();
  return failed == 0 && sy::test::any_skipped() ? 77 : failed;
}
