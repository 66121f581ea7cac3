// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>

#include "lib/checkpoint/checkpoint.h"
#include "lib/convert/convert.h"
#include "lib/convert/hf/hf_folder.h"
#include "tests/checkpoint/file_log.h"
#include "tests/cli/program.h"
#include "tests/convert/hf_fixture.h"
#include "tests/support/gradcheck.h"
#include "tests/support/shared_files.h"

namespace sy::convert {
namespace {
using namespace test;
namespace fs = std::filesystem;

ConvertOptions from_hf(const std::string& in, const std::string& out) {
  ConvertOptions options;
  options.in = in;
  options.out = out;
  return options;
}
ConvertOptions to_hf(const std::string& in, const std::string& out) {
  ConvertOptions options = from_hf(in, out);
  std::swap(options.from, options.to);
  return options;
}

// All of a checkpoint's tensor.
std::vector<float> read_param(const CheckpointReader& reader, const std::string& name,
                              const Shape& shape) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  const std::string stored = "parameters/" + name;
  reader.read({whole_tensor(stored, Tensor(values.data(), DType::f32, shape))});
  return values;
}

// Copies that an untied SwitchTransformers needs besides.
void add_copies(HfValues& values, const HfSpec& spec) {
  if (spec.tied || spec.experts == 0) return;
  for (const char* stack : {"encoder", "decoder"}) {
    values[fmt::format("{}.embed_tokens.weight", stack)] = values.at("shared.weight");
  }
}

TEST_CASE("convert: there and back gives the same bits", "[convert_round_trip]") {
  const FloatType type = GENERATE(FloatType::f32, FloatType::bf16, FloatType::f16);
  const int files = GENERATE(1, 3);
  for (const HfSpec& spec : tiny_models()) {
    INFO(spec.name << ", " << name_of(type) << ", files: " << files);
    const std::string folder = temporary_folder();
    HfValues values = random_values(state_dict(spec), type);
    write_hf_folder(folder + "/hf", config_json(spec), values, files);
    convert_model(from_hf(folder + "/hf", folder + "/sy"));
    CHECK(CheckpointReader(folder + "/sy").verify().empty());
    ConvertOptions back = to_hf(folder + "/sy", folder + "/back/hf");
    if (files > 1) back.shard_bytes = 1000;
    convert_model(back);
    add_copies(values, spec);
    CHECK((read_hf_folder(folder + "/back/hf") == values));
    CHECK(fs::exists(folder + "/back/hf/" + kHfIndexName) == (files > 1));

    // What was written is understood like what was read.
    convert_model(from_hf(folder + "/back/hf", folder + "/again"));
    const CheckpointReader once(folder + "/sy"), twice(folder + "/again");
    CHECK(once.config_yaml() == twice.config_yaml());
    CHECK(once.state_json() == twice.state_json());
  }
}

TEST_CASE("convert: files hold as many bytes as asked", "[convert_round_trip]") {
  const HfSpec& spec = tiny_models()[2];
  const std::string folder = temporary_folder();
  write_hf_folder(folder + "/hf", config_json(spec),
                  random_values(state_dict(spec), FloatType::f32));
  convert_model(from_hf(folder + "/hf", folder + "/sy"));
  ConvertOptions back = to_hf(folder + "/sy", folder + "/back");
  back.shard_bytes = 700;  // less than the largest tensor
  convert_model(back);
  for (const auto& entry : fs::directory_iterator(folder + "/back")) {
    if (entry.path().extension() != ".safetensors") continue;
    int64_t bytes = 0;
    const auto tensors = read_safetensors_header(File::open(entry.path().string()));
    for (const SafetensorsEntry& tensor : tensors) bytes += tensor.bytes;
    CHECK((bytes <= 700 || tensors.size() == 1));
    CHECK(bytes > 0);
  }
}

TEST_CASE("convert: linear maps are turned, experts are rows", "[convert_round_trip]") {
  const HfSpec& spec = tiny_models()[2];
  const std::string folder = temporary_folder();
  HfValues values = random_values(state_dict(spec), FloatType::f32);
  // Element (o, i) of expert 2's wi becomes o + i / 100.
  std::string& bytes = values.at("encoder.block.1.layer.1.mlp.experts.expert_2.wi.weight").bytes;
  for (int64_t o = 0; o < spec.f; ++o) {
    for (int64_t i = 0; i < spec.d; ++i) {
      const float value = static_cast<float>(o) + static_cast<float>(i) / 100;
      std::memcpy(bytes.data() + 4 * (o * spec.d + i), &value, 4);
    }
  }
  write_hf_folder(folder + "/hf", config_json(spec), values);
  convert_model(from_hf(folder + "/hf", folder + "/sy"));
  const CheckpointReader reader(folder + "/sy");
  const auto wi = read_param(reader, "encoder/layers/1/moe/wi", {3, spec.d, spec.f});
  for (int64_t i = 0; i < spec.d; ++i) {
    for (int64_t o = 0; o < spec.f; ++o) {
      REQUIRE(wi[static_cast<size_t>((2 * spec.d + i) * spec.f + o)] ==
              static_cast<float>(o) + static_cast<float>(i) / 100);
    }
  }
  const auto embedding = read_param(reader, "shared/embedding", {spec.vocabulary, spec.d});
  CHECK(std::memcmp(embedding.data(), values.at("shared.weight").bytes.data(),
                    embedding.size() * sizeof(float)) == 0);
}

TEST_CASE("convert: a checkpoint of several ranks", "[convert_round_trip]") {
  const HfSpec spec{"switch", 6, 10, 3, 2, 2, 4, 1, 1, true, Activation::relu, 0, 20, 4};
  const std::string folder = temporary_folder();
  const HfValues values = random_values(state_dict(spec), FloatType::f32);
  write_hf_folder(folder + "/hf", config_json(spec), values);
  convert_model(from_hf(folder + "/hf", folder + "/sy"));
  const CheckpointReader reader(folder + "/sy");
  constexpr int kRanks = 2;
  std::vector<std::unique_ptr<CheckpointWriter>> writers;
  for (int rank = 0; rank < kRanks; ++rank) {
    writers.push_back(std::make_unique<CheckpointWriter>(folder + "/ranks", rank, kRanks, 0));
    std::vector<std::unique_ptr<Owned>> memory;
    std::vector<CheckpointTensor> tensors;
    for (const CheckpointReader::Entry& entry : reader.tensors()) {
      const bool expert = entry.global.rank() == 3;
      // Experts are cut between ranks, and each one's matrix within a rank's reach as well.
      for (int half = 0; half < (expert ? 2 : 1); ++half) {
        Slab slab = Slab::whole(entry.global);
        if (expert) {
          slab.extent[0] /= kRanks;
          slab.offset[0] = slab.extent[0] * rank;
          slab.extent[2] /= 2;
          slab.offset[2] = slab.extent[2] * half;
        }
        memory.push_back(std::make_unique<Owned>(DType::f32, slab.extent));
        tensors.push_back({entry.name, *memory.back(), entry.global, slab, expert || rank == 0});
      }
    }
    reader.read(tensors);
    Owned moment(DType::f32, {3});
    tensors.push_back(whole_tensor("optimizer/moment", moment, rank == 0));
    writers.back()->start(tensors,
                          {5, reader.config_yaml(), R"({"step": 5, "tokens": 9})", {}, ""});
    writers.back()->wait_ready();
  }
  for (auto& writer : writers) writer->commit();
  convert_model(to_hf(folder + "/ranks/step-00000005", folder + "/back"));
  CHECK((read_hf_folder(folder + "/back") == values));
}

TEST_CASE("convert: a checkpoint is durable before it has its name", "[convert_round_trip]") {
  const HfSpec& spec = tiny_models()[2];
  const std::string folder = temporary_folder();
  write_hf_folder(folder + "/hf", config_json(spec),
                  random_values(state_dict(spec), FloatType::f32));
  write_file(folder + "/hf/spiece.model", "pieces");
  const FileLog log;
  convert_model(from_hf(folder + "/hf", folder + "/sy"));
  CHECK(order_faults(log.calls(), folder + "/sy.partial", folder + "/sy") ==
        std::vector<std::string>{});
  CHECK(fs::exists(folder + "/sy/tokenizer.model"));
}

TEST_CASE("convert: another element type on writing", "[convert_round_trip]") {
  const HfSpec& spec = tiny_models()[0];
  const std::string folder = temporary_folder();
  HfValues values = random_values(state_dict(spec), FloatType::f32);
  for (auto& [name, value] : values) {
    const float v = 1 + 0x1p-9f;
    for (size_t i = 0; i < value.bytes.size(); i += 4) std::memcpy(&value.bytes[i], &v, 4);
  }
  const float large = 70000;
  std::memcpy(values.at("encoder.final_layer_norm.weight").bytes.data(), &large, 4);
  write_hf_folder(folder + "/hf", config_json(spec), values);
  convert_model(from_hf(folder + "/hf", folder + "/sy"));

  ConvertOptions options = to_hf(folder + "/sy", folder + "/out");
  options.dtype = FloatType::bf16;
  convert_model(options);
  const HfValue norm = read_hf_folder(folder + "/out").at("decoder.final_layer_norm.weight");
  CHECK(norm.dtype == "BF16");
  CHECK(norm.bytes.substr(0, 2) == std::string("\x80\x3f", 2));

  fs::remove_all(folder + "/out");
  options.dtype = FloatType::f16;
  CHECK_THROWS_WITH(convert_model(options),
                    Catch::Contains("float16: 1 values of encoder.final_layer_norm.weight"));
  CHECK_FALSE(fs::exists(folder + "/out"));
  CHECK_FALSE(fs::exists(folder + "/out.partial"));
}

}  // namespace
}  // namespace sy::convert
