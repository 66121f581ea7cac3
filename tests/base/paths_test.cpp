// SPDX-License-Identifier: Apache-2.0
// Every name can be used as it is written; ~, variables and patterns are expanded or refused.
#include "lib/base/paths.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
namespace fs = std::filesystem;

// Makes an empty file, and the folders above it.
std::string touch(const std::string& path) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << "x";
  return path;
}

std::vector<std::string> matches(const std::string& pattern) {
  std::vector<std::string> files = match_files(pattern);
  std::sort(files.begin(), files.end());
  return files;
}

// Sets a variable of the environment for as long as it lives; null removes it.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    const char* before = std::getenv(name);
    had_ = before != nullptr;
    if (had_) before_ = before;
    set(value);
  }
  ~Variable() { set(had_ ? before_.c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) const {
    if (value == nullptr) {
      unsetenv(name_);
    } else {
      setenv(name_, value, 1);
    }
  }
  const char* name_;
  bool had_;
  std::string before_;
};

TEST_CASE("paths: the home folder and variables", "[paths]") {
  const Variable home("HOME", "/data/some one"), disk("SY_DISK", "/disks/7");
  CHECK(expand_path("~") == "/data/some one");
  CHECK(expand_path("~/a/~") == "/data/some one/a/~");
  CHECK(expand_path("a~/b") == "a~/b");
  CHECK(expand_path("$SY_DISK/x") == "/disks/7/x");
  CHECK(expand_path("/y/v${SY_DISK}.2/x") == "/y/v/disks/7.2/x");
  CHECK(expand_path("~root/x").ends_with("/x"));
  CHECK(expand_path("~root/x").front() == '/');
  for (const char* plain : {"", "a", "/", "a//b/", "../a b", "cost$", "a$/b", "$1", "$-x"}) {
    CHECK(expand_path(plain) == plain);
  }
}

TEST_CASE("paths: what cannot be expanded is refused", "[paths]") {
  const Variable none("SY_NONE", nullptr);
  CHECK_THROWS_WITH(expand_path("a/$SY_NONE/b"),
                    Catch::Contains("$SY_NONE is not set") && Catch::Contains("'a/$SY_NONE/b'"));
  CHECK_THROWS_AS(expand_path("${SY_NONE}"), ConfigError);
  for (const char* shell : {"a/${SY_NONE:-b}", "$(pwd)/a", "${}"}) {
    CHECK_THROWS_WITH(expand_path(shell), Catch::Contains("only $NAME and ${NAME}"));
  }
  CHECK_THROWS_WITH(expand_path("~nobody-of-this-name/b"), Catch::Contains("~nobody-of-this-name"));
  CHECK_THROWS_WITH(expand_single_path("models/*.model"), Catch::Contains("is a pattern"));
  CHECK_THROWS_WITH(match_files("a/**/b.gz"), Catch::Contains("** is not supported"));
}

TEST_CASE("paths: what exists as it is written comes first", "[paths]") {
  const Variable value("SY_DISK", "/disks/7"), none("SY_NONE", nullptr);
  const std::string folder = temporary_folder();
  for (const char* name : {"$SY_DISK/a.gz", "${SY_NONE}/a.gz", "a*b.model", "x[1].gz", "x1.gz",
                           "{p,q}.gz", "p.gz", "**/a.gz", "back\\slash.gz"}) {
    const std::string path = touch(folder + "/" + name);
    CHECK(expand_path(path) == path);
    CHECK(expand_single_path(path) == path);
    CHECK(matches(path) == std::vector{path});
  }
  CHECK(matches(folder + "/x[12].gz") == std::vector{folder + "/x1.gz"});
  CHECK(expand_path(folder + "/$SY_DISK/new") == folder + "/$SY_DISK/new");
}

TEST_CASE("paths: a pattern below a folder of an odd name", "[paths]") {
  const std::string folder = temporary_folder();
  for (const char* name :
       {"Corpus [2024] {clean}, v~1", "caf\u00e9 \u4e2d", "a*", "b\\c", "$", "?"}) {
    const std::string inner = folder + "/" + name;
    const std::vector expected{touch(inner + "/one.gz"), touch(inner + "/two.gz")};
    touch(inner + "/three.txt");
    CHECK(matches(inner + "/*.gz") == expected);
    CHECK(matches(inner + "/{one,two}.gz") == expected);
    CHECK(matches(inner + "/[ot]*o.gz").size() == 1);
  }
  touch(folder + "/ab/one.gz");  // a* would match it too
  CHECK(matches(folder + "/a*/*.gz").size() == 2);
  CHECK(matches(folder + "/a?/*.gz").size() == 3);
  CHECK(matches(folder + "/{ab,none/x}/one.gz") == std::vector{folder + "/ab/one.gz"});
  CHECK(matches(folder + "/none-*.gz").empty());
}

}  // namespace
}  // namespace sy
