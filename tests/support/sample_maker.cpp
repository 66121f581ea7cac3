// SPDX-License-Identifier: Apache-2.0
// sample_maker FOLDER: makes the text sample for tests, the same bytes every time. It replaces
// FOLDER.
//   c4-train.0000{0,1,2}-of-00003.json.gz   kSampleDocuments documents each, in C4's format
//   c4-validation.00000-of-00001.json.gz    as many
//   sentencepiece.model, small.model        trained on the training shards, 600 and 256 pieces
#include <fmt/core.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/data/tokenizer/tokenizer_train.h"
#include "tests/support/sample.h"
#include "tests/support/sample_text.h"

namespace sy::test {
namespace {

std::string json_string(const std::string& text) {
  std::string escaped = "\"";
  for (const char c : text) {
    if (c == '\n') {
      escaped += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped + '"';
}

void write_shard(const std::string& path, uint64_t seed) {
  gzFile file = gzopen(path.c_str(), "wb9");
  SY_CHECK(file != nullptr, "cannot write {}", path);
  for (int i = 0; i < kSampleDocuments; ++i) {
    const std::string line = fmt::format(
        "{{\"text\":{},\"timestamp\":\"2019-04-{:02}T12:00:00Z\",\"url\":\"https://{}.example/"
        "{}\"}}\n",
        json_string(sample_document(seed, static_cast<uint32_t>(i))), 1 + i % 30, seed, i);
    SY_CHECK(gzwrite(file, line.data(), static_cast<unsigned>(line.size())) > 0, "cannot write {}",
             path);
  }
  SY_CHECK(gzclose(file) == Z_OK, "cannot write {}", path);
}

void train(const std::string& folder, const std::string& name, int64_t pieces) {
  TrainTokenizerOptions options;
  options.shards = {folder + "/c4-train.*.json.gz"};
  options.output = folder + "/" + name;
  options.vocab_size = pieces;
  options.character_coverage = 1.0;
  train_tokenizer(options);
}

void make(const std::string& folder) {
  const std::string partial = folder + ".partial";
  std::filesystem::remove_all(partial);
  std::filesystem::create_directories(partial);
  for (uint64_t i = 0; i < 3; ++i) {
    write_shard(fmt::format("{}/c4-train.{:05}-of-00003.json.gz", partial, i), i + 1);
  }
  write_shard(partial + "/c4-validation.00000-of-00001.json.gz", 4);
  train(partial, "sentencepiece.model", 600);
  train(partial, "small.model", 256);
  std::filesystem::remove_all(folder);
  std::filesystem::rename(partial, folder);
}

}  // namespace
}  // namespace sy::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: sample_maker FOLDER\n");
    return 2;
  }
  try {
    sy::test::make(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sample_maker: %s\n", error.what());
    return 1;
  }
  return 0;
}
