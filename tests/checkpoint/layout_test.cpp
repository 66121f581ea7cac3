// SPDX-License-Identifier: Apache-2.0
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
  CHECK(slab_dataset("a/b", Slab::whole({4, 6}), {4, 6}) == "a/b");
  CHECK(slab_dataset("a/b", {{0, 0}, {2, 6}}, {4, 6}) == "a/b@0,0");
  CHECK(slab_dataset("a/b", {{2, 10}, {2, 3}}, {4, 13}) == "a/b@2,10");
  CHECK_FALSE(valid_name("a/b@2,10"));
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
  CHECK(named_steps(folder) == std::vector<int64_t>{3, 20, 99, 100000000});
  CHECK(partial_steps(folder) == std::vector<int64_t>{30});
  CHECK(trash_names(folder) == std::vector<std::string>{"step-00000040.trash"});
}

// A link to itself can be read by nobody, not even by root.
TEST_CASE("checkpoint layout: what cannot be read is not taken for nothing",
          "[checkpoint_layout]") {
  const std::string folder = test::temporary_folder();
  std::filesystem::create_symlink("loop", folder + "/loop");
  CHECK_THROWS_WITH(named_steps(folder + "/loop"), Catch::Contains("cannot read " + folder));
  make_folder(folder + "/step-00000001");
  std::filesystem::create_symlink("manifest.json", folder + "/step-00000001/manifest.json");
  CHECK(named_steps(folder) == std::vector<int64_t>{1});
  CHECK_THROWS_AS(committed_steps(folder), DataError);
}

}  // namespace
}  // namespace sy::checkpoint
