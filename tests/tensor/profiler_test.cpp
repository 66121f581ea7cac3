// SPDX-License-Identifier: Apache-2.0
// Times of parts; the same tests on both backends.
#include "lib/tensor/profiler.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/tensor/timed_work.h"

namespace sy {
namespace {
using namespace test;

// Records the calls it receives.
class WrittenClock final : public PartClock {
 public:
  explicit WrittenClock(std::string& text) : text_(text) {}
  void begin(Part part) override { text_ += std::string("+") + name_of(part) + " "; }
  void end() noexcept override { text_ += "- "; }
  void collect(PartSeconds& seconds) override { seconds[0] += 1; }

 private:
  std::string& text_;
};

TEST_CASE("profiler: nested scopes are not timed", "[profiler]") {
  Profiler profiler;
  std::string asked;
  profiler.enable(std::make_unique<WrittenClock>(asked));
  for (int i = 0; i < 2; ++i) {
    const ProfileScope outer(profiler, Part::attention);
    const ProfileScope inner(profiler, Part::gemm);
    { const ProfileScope innermost(profiler, Part::norm); }
  }
  { const ProfileScope next(profiler, Part::gemm); }
  CHECK(asked == "+attention - +attention - +gemm - ");
  profiler.collect();
  CHECK(profiler.seconds(Part::gemm) == 1);
  profiler.reset();
  CHECK(profiler.seconds(Part::gemm) == 0);
}

TEST_CASE("profiler: off, it times nothing", "[profiler]") {
  TimedWork work;
  CHECK_FALSE(work.exec.profiler.enabled());
  work.run_as(Part::attention, 4);
  synchronize(work.exec);
  work.exec.profiler.collect();
  CHECK(work.sum() == 0);
}

TEST_CASE("profiler: a part's time is that of the work in its outermost scopes", "[profiler]") {
  TimedWork work;
  work.exec.profiler.enable(make_part_clock(work.exec));
  const Stopwatch whole;
  work.run_as(Part::embedding, 24);
  work.run(1);
  work.run_as(Part::router, 4);
  const double queued = whole.seconds();
  synchronize(work.exec);
  const double seconds = whole.seconds();
  work.exec.profiler.collect();
  CAPTURE(queued, seconds);
  CHECK(work.seconds(Part::gemm) == 0);
  CHECK(work.seconds(Part::other) > 0);
  CHECK(work.seconds(Part::embedding) > work.seconds(Part::router));
  CHECK(work.seconds(Part::router) > 0);
  CHECK(work.sum() <= seconds);
  CHECK(work.sum() >= 0.5 * seconds);
  if (test_backend() == Backend::cuda) CHECK(queued < 0.5 * seconds);  // no scope waits

  work.exec.profiler.collect();  // nothing twice
  CHECK(work.sum() <= seconds);
  work.exec.profiler.reset();
  CHECK(work.sum() == 0);
}

}  // namespace
}  // namespace sy
