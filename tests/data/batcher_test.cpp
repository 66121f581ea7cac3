#include "lib/data/batcher.h"

#include <catch2/catch.hpp>

#include "lib/base/error.h"

namespace sy {
namespace {

using Ids = std::vector<int32_t>;

TEST_CASE("batcher: padding, the shifted decoder input and the masks", "[batcher]") {
  std::vector<Example> examples(3);
  examples[1].inputs = {5, 6, 1};
  examples[1].targets = {9, 1};
  examples[2].inputs = {7, 8, 4, 1};
  examples[2].targets = {3, 2, 1};
  BatchMemory memory(2, 4, 3);
  CHECK(fill_batch(memory, examples, 1) == 5);
  CHECK(memory.encoder_ids == Ids{5, 6, 1, 0, 7, 8, 4, 1});
  CHECK(memory.encoder_valid == Ids{1, 1, 1, 0, 1, 1, 1, 1});
  CHECK(memory.targets == Ids{9, 1, 0, 3, 2, 1});
  CHECK(memory.decoder_ids == Ids{0, 9, 1, 0, 3, 2});
  CHECK(memory.decoder_valid == Ids{1, 1, 0, 1, 1, 1});
  CHECK(memory.encoder_lengths == Ids{3, 4});
  CHECK(memory.decoder_lengths == Ids{2, 3});

  // Past the end there is padding only, whatever the memory held.
  CHECK(fill_batch(memory, examples, 2) == 3);
  CHECK(memory.encoder_ids == Ids{7, 8, 4, 1, 0, 0, 0, 0});
  CHECK(memory.targets == Ids{3, 2, 1, 0, 0, 0});
  CHECK(memory.decoder_ids == Ids{0, 3, 2, 0, 0, 0});
  CHECK(memory.decoder_valid == Ids{1, 1, 1, 0, 0, 0});
  CHECK(memory.encoder_lengths == Ids{4, 0});
  CHECK(fill_batch(memory, examples, 9) == 0);
}

TEST_CASE("batcher: an example longer than the batch is our fault", "[batcher]") {
  std::vector<Example> examples(1);
  examples[0].inputs = {5, 6, 7, 8, 1};
  BatchMemory memory(1, 4, 3);
  CHECK_THROWS_AS(fill_batch(memory, examples, 0), InternalError);
  examples[0].inputs = {1};
  examples[0].targets = {1, 1, 1, 1};
  CHECK_THROWS_AS(fill_batch(memory, examples, 0), InternalError);
}

}  // namespace
}  // namespace sy
