#include "lib/data/tokenizer/tokenizer_train.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/base/error.h"
#include "tests/data/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

TrainTokenizerOptions options_for(const std::string& folder) {
  TrainTokenizerOptions options;
  options.shards = {folder + "/*.json.gz"};
  options.output = folder + "/out.model";
  options.vocab_size = 200;
  return options;
}

TEST_CASE("tokenizer_train: the same text gives the same bytes, wherever they go",
          "[tokenizer_train]") {
  const std::string folder = make_shards(2, 150);
  TrainTokenizerOptions options = options_for(folder);
  train_tokenizer(options);
  const std::string first = read_file(options.output);
  options.output = folder + "/again.model";
  train_tokenizer(options);
  CHECK(read_file(options.output) == first);
  CHECK_FALSE(std::filesystem::exists(options.output + ".partial"));
}

TEST_CASE("tokenizer_train: what a model must be", "[tokenizer_train]") {
  const std::string folder = make_shards(1, 200);
  const TrainTokenizerOptions options = options_for(folder);
  train_tokenizer(options);
  const Tokenizer tokenizer(options.output, 100);
  CHECK(tokenizer.size() == 300);
  CHECK(tokenizer.piece(0) == "<pad>");
  CHECK(tokenizer.piece(1) == "</s>");
  CHECK(tokenizer.piece(2) == "<unk>");
  CHECK(tokenizer.decode(tokenizer.encode("kalo  mites\nvanqi")) == "kalo mites vanqi");
  CHECK(tokenizer.encode("k\uFF41lo") == tokenizer.encode("kalo"));  // nmt_nfkc
  CHECK(tokenizer.encode("\u4E2D").back() == 2);                     // no byte fallback
}

TEST_CASE("tokenizer_train: the maxima end the text", "[tokenizer_train]") {
  const std::string folder = temporary_folder();
  write_file(folder + "/a.json.gz", gzip(records(100, 1) + record("\u00e4\u00f6 \u00e4\u00f6")));
  TrainTokenizerOptions options = options_for(folder);
  options.vocab_size = 100;
  options.character_coverage = 1.0;
  train_tokenizer(options);
  const std::string all = read_file(options.output);
  CHECK(Tokenizer(options.output, 0).encode("\u00e4\u00f6").back() != 2);
  options.max_sentences = 100;
  train_tokenizer(options);
  CHECK(Tokenizer(options.output, 0).encode("\u00e4\u00f6").back() == 2);
  CHECK(read_file(options.output) != all);
  options.max_sentences = 1000;
  options.max_bytes = 5000;
  train_tokenizer(options);
  CHECK(Tokenizer(options.output, 0).encode("\u00e4\u00f6").back() == 2);
}

TEST_CASE("tokenizer_train: long lines are cut and used", "[tokenizer_train]") {
  const std::string folder = temporary_folder();
  std::string blanks, solid;
  for (int i = 0; i < 4000; ++i) blanks += "longtext ";
  for (int i = 0; i < 4000; ++i) solid += "\u00e4";
  write_file(folder + "/a.json.gz", gzip(records(50, 1) + record(blanks) + record(solid)));
  TrainTokenizerOptions options = options_for(folder);
  options.vocab_size = 100;
  train_tokenizer(options);
  const std::vector<std::string> pieces = Tokenizer(options.output, 0).pieces("longtext");
  CHECK(pieces.size() < 4);
  CHECK(Tokenizer(options.output, 0).encode("\u00e4").back() != 2);
}

TEST_CASE("tokenizer_train: faults name what is wrong", "[tokenizer_train]") {
  const std::string folder = make_shards(1, 50);
  TrainTokenizerOptions options = options_for(folder);
  options.vocab_size = 100000;
  CHECK(message_of<ConfigError>([&] { train_tokenizer(options); }).find("lower the vocabulary") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(options.output));
  options.vocab_size = 100;
  options.output = folder + "/none/out.model";
  CHECK(message_of<RuntimeFailure>([&] { train_tokenizer(options); }).find("/none/out.model") !=
        std::string::npos);
  options = options_for(folder);
  options.vocab_size = 2;
  CHECK_THROWS_AS(train_tokenizer(options), ConfigError);
  options.vocab_size = 100;
  write_file(folder + "/part-00.json.gz", gzip(record("") + "bad\n"));
  CHECK_THROWS_AS(train_tokenizer(options), DataError);
  options.on_bad_record = BadRecordPolicy::fail;
  write_file(folder + "/part-00.json.gz", gzip(records(60, 1) + "bad\n"));
  CHECK(message_of<DataError>([&] { train_tokenizer(options); }).find(":61: ") !=
        std::string::npos);
}

}  // namespace
}  // namespace sy
