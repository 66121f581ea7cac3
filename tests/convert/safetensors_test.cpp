// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/safetensors.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/shared_files.h"

namespace sy::convert {
namespace {

void write_raw(const std::string& path, const std::string& header, size_t data_bytes,
               uint64_t announced) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&announced), 8);
  file << header << std::string(data_bytes, 'x');
}

// What the reader says about a file with this header and so many bytes of data; "" for nothing.
std::string complaint(const std::string& header, size_t data_bytes) {
  static const std::string folder = test::temporary_folder();
  const std::string path = folder + "/model.safetensors";
  write_raw(path, header, data_bytes, header.size());
  try {
    read_safetensors_header(File::open(path));
    return "";
  } catch (const DataError& error) {
    const std::string text = error.what();
    CHECK_THAT(text, Catch::Contains(path));
    return text;
  }
}

#define CHECK_COMPLAINT(header, data_bytes, text) \
  CHECK_THAT(complaint(header, data_bytes), Catch::Contains(text))

TEST_CASE("safetensors: what is written is read", "[convert_safetensors]") {
  const std::string path = test::temporary_folder() + "/model.safetensors";
  const std::vector<float> a{1, 2, 3, 4, 5, 6};
  const std::vector<uint16_t> b{7, 8, 9};
  SafetensorsWriter writer(path, {{"a \"quoted\"", "F32", {2, 3}},
                                  {"b", "BF16", {3}},
                                  {"empty", "F16", {0, 4}},
                                  {"scalar", "F16", {}}});
  writer.append(a.data(), 8);
  writer.append(a.data() + 2, 16);
  writer.append(b.data(), 6);
  CHECK_THROWS_AS(writer.close(), InternalError);
  writer.append(b.data(), 2);
  CHECK_THROWS_AS(writer.append(b.data(), 1), InternalError);
  writer.close();

  const File file = File::open(path);
  const std::vector<SafetensorsEntry> entries = read_safetensors_header(file);
  REQUIRE(entries.size() == 4);
  const SafetensorsEntry& first = entries[0];
  CHECK(first.name == "a \"quoted\"");
  CHECK(first.dtype == "F32");
  CHECK(first.shape == std::vector<int64_t>{2, 3});
  CHECK(entries[3].shape.empty());
  std::vector<float> row(3);
  file.read(row.data(), first.begin + 12, 12);
  CHECK(row == std::vector<float>{4, 5, 6});
  std::vector<uint16_t> read_b(3);
  file.read(read_b.data(), entries[1].begin, entries[1].bytes);
  CHECK(read_b == b);
  CHECK(first.begin % 8 == 0);
  CHECK_THROWS_AS(file.read(row.data(), file.size() - 4, 8), DataError);
}

TEST_CASE("safetensors: tensors in any order of the header", "[convert_safetensors]") {
  CHECK(complaint(R"({"b":{"dtype":"U8","shape":[3],"data_offsets":[2,5]},)"
                  R"("a":{"dtype":"F16","shape":[],"data_offsets":[0,2]},)"
                  R"("__metadata__":{"format":"pt"}}   )",
                  5)
            .empty());
  CHECK(complaint("{}", 0).empty());
}

TEST_CASE("safetensors: files that are none", "[convert_safetensors]") {
  const std::string folder = test::temporary_folder(), path = folder + "/model.safetensors";
  CHECK_THROWS_WITH(read_safetensors_header(File::open(path)), Catch::Contains("No such file"));
  CHECK_THROWS_AS(File::open(folder), DataError);
  std::ofstream(path) << "short";
  CHECK_THROWS_WITH(read_safetensors_header(File::open(path)), Catch::Contains("it has 5 bytes"));
  for (const uint64_t announced : {uint64_t{3}, uint64_t{1} << 40, ~uint64_t{0}}) {
    write_raw(path, "{}", 0, announced);
    CHECK_THROWS_WITH(read_safetensors_header(File::open(path)),
                      Catch::Contains("announces a header"));
  }
  write_raw(path, "{}", 0, 0);
  CHECK_THROWS_AS(read_safetensors_header(File::open(path)), DataError);
}

TEST_CASE("safetensors: headers that are no description", "[convert_safetensors]") {
  CHECK_COMPLAINT("PK\x03\x04", 0, "its header is not a JSON object");
  CHECK_COMPLAINT(" {}", 0, "its header is not a JSON object");
  CHECK_COMPLAINT("{", 0, "not JSON");
  CHECK_COMPLAINT("{} {}", 0, "not JSON");
  CHECK_COMPLAINT("{\"\xff\":{}}", 0, "not JSON");
  CHECK_COMPLAINT(R"({"a":3})", 0, "\"a\" is not a JSON object");
  CHECK_COMPLAINT(R"({"__metadata__":{"format":3}})", 0, "\"format\" is not a string");
  CHECK_COMPLAINT(R"({"a":{"shape":[],"data_offsets":[0,2]}})", 2, "\"a\" has no dtype");
  CHECK_COMPLAINT(R"({"a":{"dtype":"F16","data_offsets":[0,2]}})", 2, "\"a\" has no shape");
  CHECK_COMPLAINT(R"({"a":{"dtype":"F16","shape":[]}})", 2, "\"a\" has no data_offsets");
  CHECK_COMPLAINT(R"({"a":{"dtype":"F16","shape":[],"data_offsets":[0,2],"strides":[]}})", 2,
                  "\"strides\" is not a known member");
  CHECK_COMPLAINT(R"({"a":{"dtype":"F17","shape":[],"data_offsets":[0,2]}})", 2, "\"F17\"");
  CHECK_COMPLAINT(R"({"a":{"dtype":16,"shape":[],"data_offsets":[0,2]}})", 2, "not a string");
}

TEST_CASE("safetensors: shapes and offsets that cannot be", "[convert_safetensors]") {
  const auto header = [](const std::string& shape, const std::string& offsets) {
    return R"({"a":{"dtype":"F16","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  CHECK_COMPLAINT(header("[-1]", "[0,2]"), 2, "non-negative integers");
  CHECK_COMPLAINT(header("[1.5]", "[0,2]"), 2, "non-negative integers");
  CHECK_COMPLAINT(header("1", "[0,2]"), 2, "is not an array");
  CHECK_COMPLAINT(header("[99999999999999999999]", "[0,2]"), 2, "not JSON");
  CHECK_COMPLAINT(header("[4294967296,4294967296]", "[0,2]"), 2, "too large for any file");
  CHECK_COMPLAINT(header("[2]", "[0,2]"), 2, "has 2 bytes, but F16 [2] takes 4");
  CHECK_COMPLAINT(header("[1]", "[2,0]"), 2, "data_offsets [2, 0] outside");
  CHECK_COMPLAINT(header("[2]", "[0,4]"), 2, "outside of the 2 bytes");
  CHECK_COMPLAINT(header("[1]", "[0]"), 2, "1 data_offsets");
  CHECK_COMPLAINT(header("[1]", "[0,1,2]"), 2, "3 data_offsets");
}

TEST_CASE("safetensors: keys that come twice", "[convert_safetensors]") {
  CHECK_COMPLAINT(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                  R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                  2, "\"a\" appears twice");
  CHECK_COMPLAINT(R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1,
                  "\"a\": \"dtype\" appears twice");
  CHECK_COMPLAINT(R"({"__metadata__":{},"__metadata__":{}})", 0, "appears twice");
}

TEST_CASE("safetensors: overlaps, holes and bytes left over", "[convert_safetensors]") {
  const auto two = [](const std::string& a, const std::string& b) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}";
  };
  CHECK(complaint(two("[2,4]", "[0,2]"), 4).empty());
  CHECK_COMPLAINT(two("[0,2]", "[1,3]"), 4, "\"b\" overlaps");
  CHECK_COMPLAINT(two("[0,2]", "[0,2]"), 2, "\"b\" overlaps");
  CHECK_COMPLAINT(two("[0,2]", "[3,5]"), 5, "\"b\" begins 1 bytes after");
  CHECK_COMPLAINT(two("[1,3]", "[3,5]"), 5, "\"a\" begins 1 bytes after");
  CHECK_COMPLAINT(two("[0,2]", "[2,4]"), 7, "3 bytes after the last tensor");
}

}  // namespace
}  // namespace sy::convert
