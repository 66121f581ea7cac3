#include <catch2/catch.hpp>
#include <cstdio>

#include "lib/data/loader_bench.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {

// A measurement, so not among the tests that run by themselves: data_tests "[loader_speed]".
TEST_CASE("loader: nine tenths of SentencePiece's own speed", "[.][loader_speed]") {
  const auto text = test::shared_file("data/c4/c4-train.00000-of-00003.json.gz");
  const auto model = test::shared_file("data/tokenizer/t5.model");
  if (!text || !model) return;
  DataSection data;
  data.train = {*text};
  data.tokenizer = *model;
  data.encoder_length = 512;
  data.loader_threads = GENERATE(1, 2);
  const LoaderBench bench = bench_loader(data, 10.0);
  std::fprintf(stderr, "%d threads: loader %.0f, SentencePiece %.0f tokens/s, ratio %.3f\n",
               static_cast<int>(bench.threads), bench.loader_tokens_per_second,
               bench.tokenizer_tokens_per_second, bench.ratio);
  CHECK(bench.ratio >= 0.9);
}

}  // namespace
}  // namespace sy
