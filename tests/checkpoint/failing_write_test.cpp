// SPDX-License-Identifier: Apache-2.0
// Every single write of a checkpoint fails in turn. This program's own pwrite() stands in for the
// system's.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>

#include "lib/checkpoint/layout.h"
#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace {

std::atomic<int> writes_before_failure{-1};  // negative: none fails

}  // namespace

extern "C" ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  if (writes_before_failure >= 0 && writes_before_failure-- == 0) {
    errno = EIO;
    return -1;
  }
  return syscall(SYS_pwrite64, file, bytes, size, at);
}

namespace sy {
namespace {
using namespace test;

// Whether a checkpoint is committed although its write with this number fails; `reached` tells
// whether there is such a write.
bool commits_without(int number, bool& reached) {
  const std::string folder = temporary_folder();
  writes_before_failure = number;
  try {
    save(folder, {}, 1, 1, 1, 0);
  } catch (const RuntimeFailure& failure) {
    CHECK_THAT(failure.what(), Catch::Contains("Input/output error"));
  }
  reached = writes_before_failure < 0;
  writes_before_failure = -1;
  return !checkpoint::committed_steps(folder).empty();
}

TEST_CASE("checkpoint: no write of an HDF5 file may fail, the last as little as the first",
          "[checkpoint_writes]") {
  int number = 0;
  for (bool reached = true; reached; ++number) {
    INFO("write " << number);
    const bool committed = commits_without(number, reached);
    CHECK(committed == !reached);
  }
  CHECK(number > 20);  // of the shard and of the index
}

}  // namespace
}  // namespace sy
