// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/hdf5/hdf5_file.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "tests/support/gradcheck.h"
#include "tests/support/shared_files.h"

namespace sy::checkpoint {
namespace {
using namespace test;

void write_file(const std::string& path, const std::string& dataset, Tensor values) {
  Hdf5File file = Hdf5File::create(path);
  file.write(dataset, values);
  file.close();
}

TEST_CASE("hdf5_file: tensors of every dtype come back", "[checkpoint_hdf5]") {
  const std::string path = temporary_folder() + "/x.h5";
  Owned a = random_tensor(DType::f32, {3, 2, 5}, 1), b = random_tensor(DType::f64, {7}, 2);
  Owned c = int_tensor({2, 2}, {1, -2, 3, INT32_MIN}), nothing = zeros(DType::f32, {0, 3});
  Hdf5File file = Hdf5File::create(path);
  file.write("p/q/a", a);
  file.write("p/q/b", b);
  file.write("c", c);
  file.write("nothing", nothing);
  file.close();
  const Hdf5File back = Hdf5File::open(path);
  Owned a2 = zeros(DType::f32, {3, 2, 5}), b2 = zeros(DType::f64, {7}),
        c2 = zeros(DType::i32, {2, 2});
  back.read("p/q/a", a2);
  back.read("p/q/b", b2);
  back.read("c", c2);
  back.read("nothing", nothing);
  CHECK(std::equal(a.data<float>(), a.data<float>() + 30, a2.data<float>()));
  CHECK(std::equal(b.data<double>(), b.data<double>() + 7, b2.data<double>()));
  CHECK(std::equal(c.data<int32_t>(), c.data<int32_t>() + 4, c2.data<int32_t>()));
}

TEST_CASE("hdf5_file: a virtual dataset shows its sources, wherever the folder lies",
          "[checkpoint_hdf5]") {
  const std::string root = temporary_folder(), before = root + "/before", after = root + "/after";
  std::filesystem::create_directory(before);
  write_file(before + "/one.h5", "left", int_tensor({2, 1}, {1, 4}));
  write_file(before + "/two.h5", "g/right", int_tensor({2, 2}, {2, 3, 5, 6}));
  Hdf5File index = Hdf5File::create(before + "/index.h5");
  const std::vector<Hdf5File::Source> sources{{"one.h5", "left", {{0, 0}, {2, 1}}},
                                              {"two.h5", "g/right", {{0, 1}, {2, 2}}}};
  index.write_virtual("g/a", DType::i32, {2, 3}, sources);
  index.write_virtual("none", DType::i32, {0}, {{"one.h5", "none", {{0}, {0}}}});
  for (const DType dtype : {DType::f32, DType::f64}) {
    index.write_virtual(name_of(dtype), dtype, {2}, {{"absent.h5", "x", {{0}, {2}}}});
  }
  index.close();
  std::filesystem::rename(before, after);
  Owned whole = zeros(DType::i32, {2, 3});
  Hdf5File::open(after + "/index.h5").read("g/a", whole);
  for (int i = 0; i < 6; ++i) CHECK(whole.data<int32_t>()[i] == i + 1);
  // Without a source: NaN, or the least integer.
  std::filesystem::remove(after + "/two.h5");
  const Hdf5File file = Hdf5File::open(after + "/index.h5");
  file.read("g/a", whole);
  constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();
  const int32_t expected[] = {1, kLeast, kLeast, 4, kLeast, kLeast};
  CHECK(std::equal(expected, expected + 6, whole.data<int32_t>()));
  Owned single = zeros(DType::f32, {2}), wide = zeros(DType::f64, {2});
  file.read("float32", single);
  file.read("float64", wide);
  CHECK(std::isnan(single.data<float>()[1]));
  CHECK(std::isnan(wide.data<double>()[1]));
}

TEST_CASE("hdf5_file: compressed streams are smaller and come back", "[checkpoint_hdf5]") {
  const std::string path = temporary_folder() + "/x.h5";
  std::vector<int32_t> values(300000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int32_t>(i % 32000);
  Hdf5File file = Hdf5File::create(path);
  file.write_compressed("s", values);
  file.write_compressed("empty", {});
  file.close();
  CHECK(std::filesystem::file_size(path) < values.size());
  std::vector<int32_t> back(values.size());
  Hdf5File::open(path).read("s", Tensor(back.data(), DType::i32, {300000}));
  CHECK(back == values);
}

TEST_CASE("hdf5_file: faults name file, dataset and reason", "[checkpoint_hdf5]") {
  const std::string folder = temporary_folder(), path = folder + "/x.h5";
  write_file(path, "a", zeros(DType::f32, {2, 3}));
  const Hdf5File file = Hdf5File::open(path);
  const auto reading = [&](const char* dataset, DType dtype, Shape shape) {
    return [&file, dataset, dtype, shape] { file.read(dataset, zeros(dtype, shape)); };
  };
  CHECK_THROWS_WITH(reading("b", DType::f32, {2, 3})(),
                    Catch::Contains(path + " (dataset b)") && Catch::Contains("doesn't exist"));
  CHECK_THROWS_WITH(reading("a", DType::f64, {2, 3})(),
                    Catch::Contains("it is not float64 [2, 3]"));
  CHECK_THROWS_WITH(reading("a", DType::f32, {3, 2})(),
                    Catch::Contains("it is not float32 [3, 2]"));
  CHECK_THROWS_AS(reading("a", DType::f32, {6})(), DataError);
  CHECK_THROWS_WITH(Hdf5File::open(folder + "/y.h5"), Catch::Contains("No such file or directory"));
  CHECK_THROWS_AS(Hdf5File::create(folder + "/no/x.h5"), RuntimeFailure);
  CHECK_THROWS_WITH(Hdf5File::create(folder + "/no/x.h5"),
                    Catch::Contains("cannot write " + folder + "/no/x.h5: No such file"));
  std::ofstream(folder + "/text.h5") << "not HDF5";
  CHECK_THROWS_AS(Hdf5File::open(folder + "/text.h5"), DataError);
}

TEST_CASE("hdf5_file: a file that was not closed is removed", "[checkpoint_hdf5]") {
  const std::string path = temporary_folder() + "/x.h5";
  { Hdf5File::create(path).write("a", zeros(DType::f32, {2})); }
  CHECK_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace sy::checkpoint
