// SPDX-License-Identifier: Apache-2.0
#include "lib/base/process.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace sy {
namespace {

constexpr size_t kParentField = 4;

TEST_CASE("process: name and numbers, whatever the name is", "[process]") {
  const std::string before = process_stat("self").name;
  prctl(PR_SET_NAME, ") 1 (x");
  const ProcessStat own = process_stat("self");
  prctl(PR_SET_NAME, before.c_str());
  CHECK(own.name == ") 1 (x");
  CHECK(own.number(kParentField) == getppid());
  CHECK(own.number(1000) == 0);
  CHECK(own.number(0) == 0);
}

TEST_CASE("process: one that is not there", "[process]") {
  const ProcessStat none = process_stat("0");
  CHECK(none.name.empty());
  CHECK(none.fields.empty());
  CHECK(none.number(kParentField) == 0);
}

TEST_CASE("process: the host has a name", "[process]") {
  char name[256] = "";
  REQUIRE(gethostname(name, sizeof name - 1) == 0);
  CHECK(host_name() == name);
}

}  // namespace
}  // namespace sy
