// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/byte_source.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "lib/data/text/shard_cache.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

struct Content {
  std::string bytes, fault;
};

Content read_all(ByteSource& source, size_t step) {
  Content content;
  std::vector<char> block(step);
  try {
    while (const size_t count = source.read(block.data(), block.size())) {
      content.bytes.append(block.data(), count);
    }
  } catch (const ShardFault& fault) {
    content.fault = fault.what();
  }
  return content;
}

Content read_shard(const std::string& path, size_t step = 1 << 16) {
  return read_all(*open_shard(path), step);
}

TEST_CASE("byte_source: members and frames follow one another", "[byte_source]") {
  const std::string folder = temporary_folder();
  const std::string a = records(200, 1), b = records(300, 2);
  const size_t step = GENERATE(1, 7, 1000, 1 << 20);
  write_file(folder + "/plain.json", a + b);
  write_file(folder + "/two.gz", gzip(a) + gzip("") + gzip(b));
  write_file(folder + "/padded.gz", gzip(a + b) + std::string(1000, '\0'));
  write_file(folder + "/two.zst", zstd(a) + zstd("") + zstd(b));
  for (const char* name : {"/plain.json", "/two.gz", "/padded.gz", "/two.zst"}) {
    CAPTURE(name, step);
    const Content content = read_shard(folder + name, step);
    CHECK(content.fault.empty());
    CHECK(content.bytes == a + b);
  }
}

// The last, small block of input gives more than one block of output, all of which must come out.
TEST_CASE("byte_source: highly compressible text comes out whole", "[byte_source]") {
  const std::string folder = temporary_folder(), zeros(10 << 20, 'z');
  write_file(folder + "/a.gz", gzip(zeros));
  write_file(folder + "/a.zst", zstd(zeros));
  for (const char* name : {"/a.gz", "/a.zst"}) {
    const Content content = read_shard(folder + name, 4096);
    CHECK(content.fault.empty());
    CHECK(content.bytes == zeros);
  }
}

TEST_CASE("byte_source: a shard cut off anywhere gives what it has, then the fault",
          "[byte_source]") {
  const std::string folder = temporary_folder(), text = records(20, 1);
  for (const bool is_gzip : {true, false}) {
    const std::string packed = is_gzip ? gzip(text) : zstd(text);
    const std::string path = folder + (is_gzip ? "/a.gz" : "/a.zst");
    for (size_t size = 1; size < packed.size(); size += size < 20 ? 1 : 13) {
      CAPTURE(is_gzip, size);
      write_file(path, packed.substr(0, size));
      Content content;
      try {
        content = read_shard(path);
      } catch (const ShardFault& fault) {
        content.fault = fault.what();
      }
      CHECK(content.fault.find("cut off") != std::string::npos);
      CHECK(text.starts_with(content.bytes));
    }
  }
}

TEST_CASE("byte_source: corrupt bytes are a fault", "[byte_source]") {
  const std::string folder = temporary_folder(), text = records(2000, 1);
  std::string packed = gzip(text);
  packed[packed.size() - 6] ^= 1;  // the checksum
  write_file(folder + "/sum.gz", packed);
  CHECK(read_shard(folder + "/sum.gz").bytes == text);
  CHECK(read_shard(folder + "/sum.gz").fault.find("corrupt gzip") != std::string::npos);

  packed = gzip(text);
  packed.replace(packed.size() / 2, 40, std::string(40, '\xFF'));
  write_file(folder + "/middle.gz", packed);
  const Content middle = read_shard(folder + "/middle.gz");
  CHECK(middle.fault.find("corrupt gzip") != std::string::npos);
  CHECK(middle.bytes.size() > text.size() / 4);

  write_file(folder + "/garbage.gz", gzip(text) + "garbage");
  CHECK(read_shard(folder + "/garbage.gz").bytes == text);
  CHECK_FALSE(read_shard(folder + "/garbage.gz").fault.empty());

  packed = zstd(text);
  packed.replace(packed.size() / 2, 40, std::string(40, '\xFF'));
  write_file(folder + "/middle.zst", packed);
  CHECK(read_shard(folder + "/middle.zst").fault.find("corrupt zstd") != std::string::npos);
}

TEST_CASE("byte_source: the first bytes tell the form, whatever the name", "[byte_source]") {
  const std::string folder = temporary_folder(), text = records(50, 1);
  const std::string skippable("\x5A\x2A\x4D\x18\x03\0\0\0abc", 11);
  for (const char* name : {"/a", "/a.gz", "/a.zst", "/a.json", "/a b.tar"}) {
    for (const std::string& content : {text, gzip(text), zstd(text), skippable + zstd(text)}) {
      CAPTURE(name, content.substr(0, 4));
      write_file(folder + name, content);
      CHECK(read_shard(folder + name).bytes == text);
      CHECK(read_shard(folder + name).fault.empty());
    }
  }
  write_file(folder + "/empty.gz", "");
  CHECK(read_shard(folder + "/empty.gz").bytes.empty());
  CHECK(find_shard_fault(folder + "/empty.gz") == "is empty");
  CHECK(find_shard_fault(folder + "/a.gz").empty());
}

TEST_CASE("byte_source: zstd windows beyond the library's default limit are read",
          "[byte_source]") {
  const std::string path = temporary_folder() + "/long.zst", text = records(500, 1);
  for (const int window_log : {28, 30}) {
    write_file(path, zstd(text, window_log));
    CHECK(read_shard(path).fault.empty());
    CHECK(read_shard(path).bytes == text);
  }
}

TEST_CASE("byte_source: a file of another kind is named as what it is", "[byte_source]") {
  const std::string path = temporary_folder() + "/a.json.gz";
  const auto fault_of = [&](std::string_view content) {
    write_file(path, content);
    return message_of<ShardFault>([&] { open_shard(path); });
  };
  CHECK(fault_of("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n")
            .find("is a Git LFS pointer") == 0);
  CHECK(fault_of("PAR1abc").find("is a Parquet file") == 0);
  CHECK(fault_of("BZh91AY").find("is bzip2 data") == 0);
  CHECK(fault_of(std::string_view("\xFD"
                                  "7zXZ\0abc",
                                  9))
            .find("is xz data") == 0);
  CHECK(fault_of("PK\x03\x04").find("is a zip archive") == 0);
  CHECK(fault_of("\xFF\xFE{").find("is UTF-16 text") == 0);
  CHECK(fault_of("\n <!DOCTYPE html><html>").find("is a web page") == 0);
  CHECK(fault_of("{\"text\": \"<html>\"}").empty());
}

TEST_CASE("byte_source: what cannot be opened or read says why", "[byte_source]") {
  const std::string folder = temporary_folder();
  CHECK(message_of<ShardFault>([&] { open_shard(folder + "/none.json"); }).find("No such file") !=
        std::string::npos);
  CHECK(message_of<ShardFault>([&] { open_shard(folder); }).find("directory") != std::string::npos);
  const std::string pipe = folder + "/pipe.jsonl";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(message_of<ShardFault>([&] { open_shard(pipe); }).find("is a pipe") == 0);
}

TEST_CASE("shard_cache: gives the shard as it is on disk, fault and all", "[shard_cache]") {
  const std::string folder = temporary_folder(), path = folder + "/a.gz";
  const std::string text = records(100, 1), packed = gzip(text);
  ShardCache cache(text.size() + 1000);
  write_file(path, packed);
  for (int repeat = 0; repeat < 2; ++repeat) {
    CHECK(read_all(*cache.open(path), 100).bytes == text);
  }
  write_file(path, packed.substr(0, packed.size() - 20));  // a changed file is read again
  for (int repeat = 0; repeat < 2; ++repeat) {
    const Content content = read_all(*cache.open(path), 100);
    CHECK(text.starts_with(content.bytes));
    CHECK(content.fault.find("cut off") != std::string::npos);
  }
  const std::string large = folder + "/large.gz", more = records(1000, 2);
  write_file(large, gzip(more));
  CHECK(read_all(*cache.open(large), 5000).bytes == more);
  std::remove(path.c_str());
  CHECK_THROWS_AS(cache.open(path), ShardFault);
}

}  // namespace
}  // namespace sy
