#include "lib/checkpoint/hdf5_file.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

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
  write_file(before + "/one.h5", "a.00000", int_tensor({1, 3}, {1, 2, 3}));
  write_file(before + "/two.h5", "g/a.00001", int_tensor({1, 3}, {4, 5, 6}));
  Hdf5File index = Hdf5File::create(before + "/index.h5");
  index.write_virtual("g/a", DType::i32, {2, 3}, {{"one.h5", "a.00000"}, {"two.h5", "g/a.00001"}});
  index.write_virtual("none", DType::f32, {0, 3}, {{"one.h5", "none"}});
  index.close();
  std::filesystem::rename(before, after);
  Owned whole = zeros(DType::i32, {2, 3});
  Hdf5File::open(after + "/index.h5").read("g/a", whole);
  for (int i = 0; i < 6; ++i) CHECK(whole.data<int32_t>()[i] == i + 1);
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
