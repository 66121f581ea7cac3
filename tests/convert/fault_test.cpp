// SPDX-License-Identifier: Apache-2.0
// Folders that cannot be converted: one error that names everything, and nothing written.
#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/config/config.h"
#include "lib/convert/convert.h"
#include "lib/convert/hf/hf_folder.h"
#include "lib/convert/hf/hf_source.h"
#include "tests/convert/hf_fixture.h"
#include "tests/support/shared_files.h"

namespace sy::convert {
namespace {
using namespace test;
namespace fs = std::filesystem;

// A sound folder that tests spoil.
struct Folder {
  std::string root = temporary_folder(), hf = root + "/hf", out = root + "/out";
  const HfSpec& spec;
  HfValues values;

  explicit Folder(size_t model)
      : spec(tiny_models()[model]), values(random_values(state_dict(spec), FloatType::bf16)) {}
  void write(int files = 1) const { write_hf_folder(hf, config_json(spec), values, files); }
  void convert(std::vector<std::string> overrides = {}) const {
    ConvertOptions options;
    options.in = hf;
    options.out = out;
    options.overrides = std::move(overrides);
    convert_model(options);
  }
  // The message of the DataError, after which there is no output.
  std::string complaint() const {
    std::string message;
    try {
      convert();
    } catch (const DataError& error) {
      message = error.what();
    }
    CHECK_FALSE(message.empty());
    CHECK_FALSE(fs::exists(out));
    CHECK_FALSE(fs::exists(out + ".partial"));
    return message;
  }
};

TEST_CASE("convert: all faults of the tensors at once", "[convert_fault]") {
  Folder folder(2);
  HfValues& values = folder.values;
  const std::string mlp = "encoder.block.1.layer.1.mlp.";
  values.erase(mlp + "experts.expert_1.wi.weight");
  values.erase("decoder.final_layer_norm.weight");
  auto misnamed = values.extract(mlp + "router.classifier.weight");
  misnamed.key() = mlp + "router.clasifier.weight";
  values.insert(std::move(misnamed));
  values["classification_head.dense.weight"] = values.at("shared.weight");
  std::swap(values.at("encoder.block.0.layer.0.SelfAttention.q.weight").shape[0],
            values.at("encoder.block.0.layer.0.SelfAttention.q.weight").shape[1]);
  values["decoder.block.0.layer.0.layer_norm.weight"].dtype = "F32";
  values["decoder.block.0.layer.0.layer_norm.weight"].bytes.resize(24);
  folder.write();
  const std::string message = folder.complaint();
  for (const std::string& part :
       {mlp + "experts.expert_1.wi.weight is missing",
        std::string("decoder.final_layer_norm.weight is missing"),
        mlp + "router.classifier.weight is missing; " + mlp +
            "router.clasifier.weight may be a misspelling",
        mlp + "router.clasifier.weight is not a tensor of this model",
        std::string("classification_head.dense.weight is not a tensor of this model"),
        std::string("encoder.block.0.layer.0.SelfAttention.q.weight has the shape [6, 12] instead "
                    "of [12, 6]")}) {
    CHECK_THAT(message, Catch::Contains(part));
  }
  CHECK(std::count(message.begin(), message.end(), '\n') == 6);
}

TEST_CASE("convert: element types that cannot be read", "[convert_fault]") {
  Folder folder(0);
  folder.write();
  // The writer makes floats only, so a file is made by hand.
  write_text(folder.hf + "/" + kHfSingleName, [&] {
    const std::string header = R"({"shared.weight":{"dtype":"F64","shape":[20,6],)"
                               R"("data_offsets":[0,960]}})";
    std::string file(8, '\0');
    file[0] = static_cast<char>(header.size());
    return file + header + std::string(960, 'x');
  }());
  CHECK_THAT(folder.complaint(), Catch::Contains("shared.weight has the type F64"));
}

TEST_CASE("convert: a gated model where none is expected", "[convert_fault]") {
  Folder folder(1);
  folder.write();
  write_text(folder.hf + "/" + kHfConfigName, config_json(tiny_models()[0]));
  const std::string message = folder.complaint();
  CHECK_THAT(message, Catch::Contains("DenseReluDense.wi.weight is missing"));
  CHECK_THAT(message, Catch::Contains("DenseReluDense.wi_1.weight is not a tensor"));
}

TEST_CASE("convert: copies of one tensor", "[convert_fault]") {
  Folder folder(2);
  const HfValue embedding = folder.values.at("shared.weight");
  SECTION("that agree are one") {
    for (const char* name : {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
                             "lm_head.weight", "decoder.lm_head.weight"}) {
      folder.values[name] = embedding;
    }
    folder.write(3);
    CHECK_NOTHROW(folder.convert());
  }
  SECTION("under another name alone") {
    folder.values.erase("shared.weight");
    folder.values["decoder.embed_tokens.weight"] = embedding;
    folder.write();
    CHECK_NOTHROW(folder.convert());
  }
  SECTION("the output projection inside the decoder") {
    Folder untied(3);
    auto head = untied.values.extract("lm_head.weight");
    head.key() = "decoder.lm_head.weight";
    untied.values.insert(std::move(head));
    untied.write();
    CHECK_NOTHROW(untied.convert());
  }
  SECTION("that differ") {
    folder.values["lm_head.weight"] = folder.values["decoder.embed_tokens.weight"] = embedding;
    folder.values["lm_head.weight"].bytes.back() ^= 1;
    folder.values["decoder.embed_tokens.weight"].bytes[0] ^= 1;
    folder.write();
    const std::string message = folder.complaint();
    CHECK_THAT(message, Catch::Contains("shared.weight and lm_head.weight differ"));
    CHECK_THAT(message, Catch::Contains("tie_word_embeddings=false"));
    CHECK_THAT(message, Catch::Contains("shared.weight and decoder.embed_tokens.weight differ"));
    fs::remove(folder.hf + "/" + kHfSingleName);
    folder.values["decoder.embed_tokens.weight"] = embedding;
    folder.write();
    CHECK_NOTHROW(folder.convert({"tie_word_embeddings=false"}));
  }
}

TEST_CASE("convert: a configuration of another size altogether", "[convert_fault]") {
  Folder folder(2);
  folder.write();
  CHECK_THROWS_WITH(folder.convert({"num_experts=60000"}),
                    Catch::Contains("config.json describes a model") && Catch::Contains("hold 78"));
}

TEST_CASE("convert: tensors of several types are read, and the mixture is told",
          "[convert_fault]") {
  Folder folder(0);
  HfValue& norm = folder.values.at("decoder.final_layer_norm.weight");
  norm = {"F32", norm.shape, std::string(24, 'x')};
  folder.write();
  const HfSource source(folder.hf, {});
  CHECK(source.origin().dtype == FloatType::f32);
  REQUIRE(source.warnings().size() == 1);
  CHECK_THAT(source.warnings()[0], Catch::Contains("several types (BF16, F32)"));
}

TEST_CASE("convert: what old T5 files hold in vain", "[convert_fault]") {
  Folder folder(0);
  folder.values["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] = {
      "BF16", {32, 3}, std::string(192, 'x')};
  folder.write();
  CHECK_NOTHROW(folder.convert());
}

TEST_CASE("convert: indexes that do not fit their files", "[convert_fault]") {
  Folder folder(0);
  folder.write(2);
  const std::string index = folder.hf + "/" + kHfIndexName;
  SECTION("no index") {
    write_text(index, "{\"weights\": {}}");
    CHECK_THAT(folder.complaint(), Catch::Contains("no \"weight_map\""));
  }
  SECTION("not JSON") {
    write_text(index, "{");
    CHECK_THAT(folder.complaint(), Catch::Contains("no \"weight_map\""));
  }
  SECTION("files elsewhere") {
    for (const char* file : {"../x.safetensors", "/tmp/x.safetensors", "x.bin", ""}) {
      write_text(index, fmt::format(R"({{"weight_map": {{"a": "{}"}}}})", file));
      CHECK_THAT(folder.complaint(), Catch::Contains("\"a\" is not mapped to"));
    }
  }
  SECTION("twice") {
    write_text(index, R"({"weight_map": {"a": "a.safetensors", "a": "b.safetensors"}})");
    CHECK_THAT(folder.complaint(), Catch::Contains("\"a\" appears twice"));
  }
  SECTION("files that are not there") {
    write_text(index, R"({"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}})");
    const std::string message = folder.complaint();
    CHECK_THAT(message, Catch::Contains("a.safetensors: No such file"));
    CHECK_THAT(message, Catch::Contains("b.safetensors: No such file"));
  }
  SECTION("tensors in another file, tensors left out") {
    write_text(index, R"({"weight_map": {"shared.weight": "model-00001-of-00002.safetensors",
                                          "nowhere": "model-00002-of-00002.safetensors"}})");
    const std::string message = folder.complaint();
    CHECK_THAT(message, Catch::Contains("\"nowhere\" is not in model-00002-of-00002"));
    CHECK_THAT(message, Catch::Contains("\"decoder.final_layer_norm.weight\" of model-0000"));
  }
  SECTION("a tensor in two files") {
    fs::copy_file(folder.hf + "/model-00001-of-00002.safetensors",
                  folder.hf + "/model-00002-of-00002.safetensors",
                  fs::copy_options::overwrite_existing);
    CHECK_THAT(folder.complaint(), Catch::Contains("is also in model-00001-of-00002.safetensors"));
  }
}

TEST_CASE("convert: folders that are none", "[convert_fault]") {
  Folder folder(0);
  CHECK_THAT(folder.complaint(), Catch::Contains("does not exist"));
  folder.write();
  fs::remove(folder.hf + "/" + kHfConfigName);
  CHECK_THAT(folder.complaint(), Catch::Contains("cannot read " + folder.hf + "/config.json"));
  ConvertOptions options;
  options.from = Form::switchyard;
  options.to = Form::hugging_face;
  options.in = folder.hf;
  options.out = folder.out;
  CHECK_THROWS_WITH(convert_model(options), Catch::Contains("is not a committed checkpoint"));
}

TEST_CASE("convert: what a path is that is no folder of weights", "[convert_fault]") {
  Folder folder(0);
  folder.write();
  const std::string weights = folder.hf + "/" + kHfSingleName;
  const std::string config = folder.hf + "/" + kHfConfigName;
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 990\n";
  SECTION("a file") {
    folder.hf = weights;
    CHECK_THAT(folder.complaint(), Catch::Contains("is a file, not a folder"));
  }
  SECTION("a name on the hub") {
    folder.hf = "someone/some-t5";
    CHECK_THAT(folder.complaint(), Catch::Contains("huggingface-cli download someone/some-t5"));
  }
  SECTION("weights that are a pointer") {
    write_text(weights, pointer);
    CHECK_THAT(folder.complaint(), Catch::Contains(weights + " is a Git LFS pointer"));
  }
  SECTION("a configuration that is a pointer") {
    write_text(config, pointer);
    CHECK_THAT(folder.complaint(), Catch::Contains(config + " is a Git LFS pointer"));
  }
  SECTION("pickled weights") {
    fs::rename(weights, folder.hf + "/pytorch_model.bin");
    CHECK_THAT(folder.complaint(),
               Catch::Contains("pickled") && Catch::Contains("save_pretrained"));
  }
  SECTION("neither") {
    fs::remove(weights);
    CHECK_THAT(folder.complaint(), Catch::Contains("neither model.safetensors nor"));
  }
  SECTION("a checkpoint") {
    folder.convert();
    folder.hf = folder.out;
    folder.out += "2";
    CHECK_THAT(folder.complaint(), Catch::Contains("--from switchyard"));
  }
  SECTION("an encoder alone") {
    std::erase_if(folder.values,
                  [](const auto& item) { return item.first.starts_with("decoder."); });
    folder.write();
    CHECK_THAT(folder.complaint(), Catch::Contains("encoder only"));
  }
  SECTION("a resized vocabulary") {
    const std::string text = config_json(folder.spec), said = "\"vocab_size\": 20";
    write_text(config,
               std::string(text).replace(text.find(said), said.size(), "\"vocab_size\": 19"));
    CHECK_THAT(folder.complaint(), Catch::Contains("--set vocab_size=20"));
  }
}

TEST_CASE("convert: a stack without sparse layers and without a step is what its tensors are",
          "[convert_fault]") {
  Folder folder(2);
  HfSpec spec = folder.spec;
  spec.sparse_decoder = 0;
  folder.values = random_values(state_dict(spec), FloatType::bf16);
  write_hf_folder(folder.hf, config_json(spec), folder.values);
  const HfSource dense(folder.hf, {});
  CHECK(count_sparse_layers(dense.config().model, Stack::encoder) == 2);
  CHECK(count_sparse_layers(dense.config().model, Stack::decoder) == 0);
  // As transformers makes it of such a file.
  const HfSpec sparse = folder.spec;
  write_hf_folder(folder.hf, config_json(spec), random_values(state_dict(sparse), FloatType::bf16));
  CHECK(count_sparse_layers(HfSource(folder.hf, {}).config().model, Stack::decoder) == 1);
}

TEST_CASE("convert: an output that exists is left alone", "[convert_fault]") {
  Folder folder(0);
  folder.write();
  fs::create_directories(folder.out + ".partial/of an earlier attempt");
  folder.convert();
  CHECK_FALSE(fs::exists(folder.out + ".partial"));
  const auto written = fs::last_write_time(folder.out + "/manifest.json");
  CHECK_THROWS_AS(folder.convert(), ConfigError);
  CHECK(fs::last_write_time(folder.out + "/manifest.json") == written);
}

}  // namespace
}  // namespace sy::convert
