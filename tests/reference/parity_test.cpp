// SPDX-License-Identifier: Apache-2.0
// Switchyard against what Hugging Face's transformers computed (tests/reference/data, made by
// parity.py --remake): the same weights and batch give the same logits, losses and gradients.
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/convert/convert.h"
#include "lib/convert/hf/hf_folder.h"
#include "tests/reference/parity_run.h"
#include "tests/reference/tensor_file.h"
#include "tests/support/shared_files.h"

namespace sy::test {
namespace {

constexpr double kOutputLimit = 1e-5, kGradientLimit = 1e-4;
const std::string kData = SY_SOURCE_DIR "/tests/reference/data/";
const std::string kOutputs = "/outputs.safetensors";
const std::string kGradients = "/gradients/model.safetensors";

// Largest difference over the largest value.
double largest_ratio(const FileTensor& a, const FileTensor& b) {
  double error = 0, largest = 0;
  for (size_t i = 0; i < b.values.size(); ++i) {
    error = std::max(error, std::abs(double(a.values[i]) - double(b.values[i])));
    largest = std::max(largest, std::abs(double(b.values[i])));
  }
  return error == 0 ? 0 : error / largest;
}

// Norm of the difference over the norm.
double norm_ratio(const FileTensor& a, const FileTensor& b) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < b.values.size(); ++i) {
    error += std::pow(double(a.values[i]) - double(b.values[i]), 2);
    norm += std::pow(double(b.values[i]), 2);
  }
  return error == 0 ? 0 : std::sqrt(error / norm);
}

// Every tensor of `expected` against the one of that name in `found`.
template <class Ratio>
void check_file(const TensorFile& found, const TensorFile& expected, Ratio ratio, double limit) {
  for (const auto& [name, tensor] : expected) {
    INFO(name);
    REQUIRE(found.count(name) == 1);
    REQUIRE(found.at(name).shape == tensor.shape);
    CHECK(ratio(found.at(name), tensor) <= limit);
  }
}

void check_case(const std::string& expected, const std::string& found) {
  const TensorFile outputs = read_tensor_file(expected + kOutputs);
  CHECK(outputs.count("logits") == 1);
  CHECK(outputs.count("loss") == 1);
  check_file(read_tensor_file(found + kOutputs), outputs, largest_ratio, kOutputLimit);
  check_file(read_tensor_file(found + kGradients), read_tensor_file(expected + kGradients),
             norm_ratio, kGradientLimit);
}

TEST_CASE("transformers and Switchyard agree", "[reference_parity]") {
  const std::string name =
      GENERATE("t5-tiny", "t5-v1.1-tiny", "switch-tiny", "switch-untied-step-2");
  INFO(name);
  const std::string data = kData + name, folder = temporary_folder();
  run_parity(data + "/model", data + "/batch.safetensors", folder + "/out");
  check_case(data + "/transformers", folder + "/out");
}

TEST_CASE("a converted checkpoint computes what its Hugging Face folder does",
          "[reference_parity]") {
  const std::string data = kData + "switch-tiny", folder = temporary_folder();
  convert::ConvertOptions options;
  options.in = data + "/model";
  options.out = folder + "/checkpoint";
  convert_model(options);
  run_parity(options.out, data + "/batch.safetensors", folder + "/out");
  check_case(data + "/transformers", folder + "/out");
}

}  // namespace
}  // namespace sy::test
