// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/node_facts.h"

#include <catch2/catch.hpp>

#include <fstream>

#include "lib/base/error.h"
#include "tests/measure/nodes.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {

TEST_CASE("node facts: a file holds every field", "[node_facts]") {
  NodeFacts facts = test::good_node("node7");
  facts.foreign = {{12, "somebody", "stress", 0.75}};
  facts.gpus = {{.index = 1,
                 .uuid = "GPU-1",
                 .name = "NVIDIA H200",
                 .uncorrected_errors = 3,
                 .slowed_by = {"hw_slowdown"},
                 .remapping_pending = true,
                 .remapping_failed = true,
                 .bfloat16_flops = 7e14}};
  facts.gpu_processes = {{13, "somebody", "python", 0}};
  facts.gpu_error = "it does not answer";
  const std::string folder = test::temporary_folder() + "/new";
  write_node_facts(facts, folder);
  const NodeFacts read = read_node_facts(folder + "/node7.json");
  CHECK(json_line(node_json(read)) == json_line(node_json(facts)));
  CHECK(read.foreign.at(0).cores == 0.75);
  CHECK(read.gpus.at(0).slowed_by.at(0) == "hw_slowdown");
}

TEST_CASE("node facts: a file that says something else is refused", "[node_facts]") {
  const std::string path = test::temporary_folder() + "/node7.json";
  for (const char* text : {"", "{\"node\": \"node7\"}", "{\"node\": 7}", "[]"}) {
    std::ofstream(path) << text;
    CHECK_THROWS_AS(read_node_facts(path), DataError);
  }
}

}  // namespace
}  // namespace sy
