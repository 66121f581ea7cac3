#include "lib/checkpoint/layout.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/checkpoint/durable.h"
#include "tests/support/shared_files.h"

namespace sy::checkpoint {
namespace {

TEST_CASE("checkpoint layout: names", "[checkpoint_layout]") {
  CHECK(committed_name(100) == "step-00000100");
  CHECK(committed_name(123456789) == "step-123456789");
  CHECK(partial_name(100) == "step-00000100.partial");
  CHECK(committed_step("step-00000100") == 100);
  CHECK_FALSE(committed_step("step-00000100.partial"));
  CHECK(shard_name(3) == "shard-00003.h5");
  CHECK(shard_record_name(100000) == "shard-100000.json");
  CHECK(piece_dataset("a/b", 1, 0) == "a/b");
  CHECK(piece_dataset("a/b", 8, 3) == "a/b.00003");
}

TEST_CASE("checkpoint layout: names that a dataset may have", "[checkpoint_layout]") {
  for (const char* name :
       {"a", "parameters/encoder/layers/1/moe/wi", "0012", "a_b-c.d", "...", "a/.x"}) {
    CHECK(valid_name(name));
  }
  for (const char* name : {"", "/a", "a/", "a//b", ".", "a/./b", "a/..", "a b", "a%b",
                           "caf\xc3\xa9", "a\"b", "a\\b"}) {
    INFO(name);
    CHECK_FALSE(valid_name(name));
  }
}

TEST_CASE("checkpoint layout: pieces and rows, beyond 2^31 too", "[checkpoint_layout]") {
  const Shape global{int64_t{1} << 40, 1024};
  CHECK(piece_shape(global, 4) == Shape{int64_t{1} << 38, 1024});
  CHECK(piece_rows(global, 4, 3).begin == 3 * (int64_t{1} << 38));
  CHECK(piece_rows(global, 4, 3).end == int64_t{1} << 40);
  CHECK_THROWS_AS(piece_shape(Shape{10}, 4), InternalError);
  CHECK(overlap({0, 4}, {2, 8}).begin == 2);
  CHECK(overlap({0, 4}, {2, 8}).end == 4);
  CHECK(overlap({0, 4}, {4, 8}).count() == 0);
  CHECK(overlap({6, 8}, {0, 4}).count() == 0);
}

TEST_CASE("checkpoint layout: what counts as a checkpoint", "[checkpoint_layout]") {
  const std::string folder = test::temporary_folder();
  CHECK(committed_steps(folder + "/absent").empty());
  for (const char* name :
       {"step-00000020", "step-00000003", "step-100000000", "step-00000030.partial", "step-4",
        "step-00000040.trash", "step-0000005x", "step--0000001", "step-000000001", "other"}) {
    make_folder(folder + "/" + name);
    write_synced(folder + "/" + name + "/manifest.json", "{}");
  }
  make_folder(folder + "/step-00000099");  // without a manifest
  CHECK(committed_steps(folder) == std::vector<int64_t>{3, 20, 100000000});
  CHECK(partial_steps(folder) == std::vector<int64_t>{30});
  CHECK(trash_names(folder) == std::vector<std::string>{"step-00000040.trash"});
}

}  // namespace
}  // namespace sy::checkpoint
