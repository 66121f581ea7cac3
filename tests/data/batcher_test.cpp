// SPDX-License-Identifier: Apache-2.0
#include "lib/data/batcher.h"

#include <catch2/catch.hpp>

#include "lib/base/error.h"

namespace sy {
namespace {

using Ids = std::vector<int32_t>;

Ids ids_of(Tensor tensor) {
  return {tensor.data<int32_t>(), tensor.data<int32_t>() + tensor.numel()};
}

TEST_CASE("batcher: padding, the shifted decoder input and the masks", "[batcher]") {
  std::vector<Example> examples(3);
  examples[1].inputs = {5, 6, 1};
  examples[1].targets = {9, 1};
  examples[2].inputs = {7, 8, 4, 1};
  examples[2].targets = {3, 2, 1};
  Exec exec;
  BatchBuilder builder(exec, 1, {2, {4, 3}});
  const Batch& batch = builder.host(0);
  const TokenStream &encoder = batch.streams[kEncoder], &decoder = batch.streams[kDecoder];
  CHECK(fill_batch(batch, examples, 1) == 5);
  CHECK(ids_of(encoder.ids) == Ids{5, 6, 1, 0, 7, 8, 4, 1});
  CHECK(ids_of(encoder.valid) == Ids{1, 1, 1, 0, 1, 1, 1, 1});
  CHECK(ids_of(batch.targets) == Ids{9, 1, 0, 3, 2, 1});
  CHECK(ids_of(decoder.ids) == Ids{0, 9, 1, 0, 3, 2});
  CHECK(ids_of(decoder.valid) == Ids{1, 1, 0, 1, 1, 1});
  CHECK(ids_of(encoder.lengths) == Ids{3, 4});
  CHECK(ids_of(decoder.lengths) == Ids{2, 3});

  // Past the end there is padding only, whatever the memory held.
  CHECK(fill_batch(batch, examples, 2) == 3);
  CHECK(ids_of(encoder.ids) == Ids{7, 8, 4, 1, 0, 0, 0, 0});
  CHECK(ids_of(batch.targets) == Ids{3, 2, 1, 0, 0, 0});
  CHECK(ids_of(decoder.ids) == Ids{0, 3, 2, 0, 0, 0});
  CHECK(ids_of(decoder.valid) == Ids{1, 1, 1, 0, 0, 0});
  CHECK(ids_of(encoder.lengths) == Ids{4, 0});
  CHECK(fill_batch(batch, examples, 9) == 0);
}

TEST_CASE("batcher: another padding and another start than T5's", "[batcher]") {
  std::vector<Example> examples(2);
  examples[0].inputs = {5, 2};
  examples[0].targets = {9, 0, 2};  // 0 is a token here, and is not scored
  examples[1].inputs = {6, 7, 2};
  examples[1].targets = {8};
  Exec exec;
  BatchBuilder builder(exec, 1, {2, {3, 4}, /*pad=*/3, /*start=*/4});
  const Batch batch = builder.host(0).slice(0, 2);
  const TokenStream &encoder = batch.streams[kEncoder], &decoder = batch.streams[kDecoder];
  CHECK(fill_batch(batch, examples, 0) == 3);
  CHECK(ids_of(encoder.ids) == Ids{5, 2, 3, 6, 7, 2});
  CHECK(ids_of(decoder.ids) == Ids{4, 9, 0, 2, 4, 8, 3, 3});
  CHECK(ids_of(batch.targets) == Ids{9, 0, 2, 0, 8, 0, 0, 0});
  CHECK(ids_of(decoder.valid) == Ids{1, 1, 1, 0, 1, 0, 0, 0});
}

TEST_CASE("batcher: several batches in one block, and some sequences of one", "[batcher]") {
  std::vector<Example> examples(5);
  for (int32_t i = 0; i < 5; ++i) {
    examples[static_cast<size_t>(i)].inputs = {10 + i, 1};
    examples[static_cast<size_t>(i)].targets = {20 + i};
  }
  Exec exec;
  BatchBuilder builder(exec, 2, {3, {4, 2}});
  for (const int64_t i : {0, 1}) CHECK(fill_batch(builder.host(i), examples, 3 * i) == 3 - i);
  builder.send();
  const Batch& last = builder.sent(1);
  CHECK(ids_of(builder.sent(0).targets) == Ids{20, 0, 21, 0, 22, 0});
  CHECK(ids_of(last.streams[kEncoder].ids) == Ids{13, 1, 0, 0, 14, 1, 0, 0, 0, 0, 0, 0});
  const Batch part = last.slice(1, 1);
  CHECK(part.sequences() == 1);
  CHECK(ids_of(part.streams[kEncoder].ids) == Ids{14, 1, 0, 0});
  CHECK(ids_of(part.streams[kEncoder].valid) == Ids{1, 1, 0, 0});
  CHECK(ids_of(part.streams[kDecoder].ids) == Ids{0, 24});
  CHECK(ids_of(part.streams[kDecoder].valid) == Ids{1, 0});
  CHECK(ids_of(part.streams[kDecoder].lengths) == Ids{1});
  CHECK(ids_of(part.targets) == Ids{24, 0});
}

TEST_CASE("batcher: prompts are a batch without a decoder's stream", "[batcher]") {
  Exec exec;
  BatchBuilder builder(exec, 1, {2, {3, 0}});
  const Batch& batch = builder.host(0);
  CHECK(batch.streams[kDecoder].ids.empty());
  CHECK(batch.targets.empty());
  const TokenStream& encoder = batch.streams[kEncoder];
  fill_sequence(encoder, 1, Ids{7, 8, 9});
  fill_sequence(encoder, 0, Ids{5});
  CHECK(ids_of(encoder.ids) == Ids{5, 0, 0, 7, 8, 9});
  CHECK(ids_of(encoder.valid) == Ids{1, 0, 0, 1, 1, 1});
  fill_sequence(encoder, 1, {});
  CHECK(ids_of(encoder.ids) == Ids{5, 0, 0, 0, 0, 0});
  CHECK(ids_of(encoder.lengths) == Ids{1, 0});
  CHECK_THROWS_AS(fill_sequence(encoder, 0, Ids{1, 2, 3, 4}), InternalError);
}

TEST_CASE("batcher: an example longer than the batch is our fault", "[batcher]") {
  std::vector<Example> examples(1);
  examples[0].inputs = {5, 6, 7, 8, 1};
  Exec exec;
  BatchBuilder builder(exec, 1, {1, {4, 3}});
  CHECK_THROWS_AS(fill_batch(builder.host(0), examples, 0), InternalError);
  examples[0].inputs = {1};
  examples[0].targets = {1, 1, 1, 1};
  CHECK_THROWS_AS(fill_batch(builder.host(0), examples, 0), InternalError);
}

TEST_CASE("batcher: shorter batches in the same memory", "[batcher]") {
  std::vector<Example> examples(2);
  examples[0].inputs = {5, 1};
  examples[0].targets = {9, 8, 1};
  examples[1].inputs = {6, 7, 1};
  examples[1].targets = {1};
  Exec exec;
  BatchBuilder builder(exec, 2, {1, {40, 30}});
  const char* const memory = static_cast<char*>(builder.host(0).streams[kEncoder].ids.raw());
  const char* const end = static_cast<char*>(builder.host(1).targets.raw()) + 4 * 30;
  for (const StreamLengths& lengths : {StreamLengths{3, 4}, {40, 30}, {3, 3}}) {
    builder.set_lengths(lengths);
    CHECK(builder.lengths() == lengths);
    for (int64_t i = 0; i < 2; ++i) fill_batch(builder.host(i), examples, i);
    builder.send();
    for (int64_t i = 0; i < 2; ++i) {
      const Batch& batch = builder.sent(i);
      const auto padded = [&](Ids ids, size_t stream) {
        ids.resize(static_cast<size_t>(lengths[stream]));
        return ids;
      };
      CHECK(ids_of(batch.streams[kEncoder].ids) ==
            padded(examples[static_cast<size_t>(i)].inputs, kEncoder));
      CHECK(ids_of(batch.targets) == padded(examples[static_cast<size_t>(i)].targets, kDecoder));
      CHECK(batch.streams[kDecoder].valid.numel() == lengths[kDecoder]);
    }
    CHECK(static_cast<char*>(builder.sent(0).streams[kEncoder].ids.raw()) == memory);
    CHECK(static_cast<char*>(builder.sent(1).targets.raw()) < end);
  }
  CHECK_THROWS_AS(builder.set_lengths({41, 30}), InternalError);
  CHECK_THROWS_AS(builder.set_lengths({40, 0}), InternalError);
}

TEST_CASE("batcher: packed rows", "[batcher]") {
  std::vector<Example> examples(2);
  examples[0].inputs = {5, 6, 1, 7, 1, 8, 1};
  examples[0].targets = {9, 1, 10, 11, 1};
  examples[0].input_ends = {3, 5, 7};
  examples[0].target_ends = {2, 2, 5};  // the second has no target
  examples[1].inputs = {4, 1};
  examples[1].targets = {3, 1};
  Exec exec;
  BatchBuilder builder(exec, 1, {3, {8, 6}, /*pad=*/0, /*start=*/12, /*packed=*/true});
  const Batch& batch = builder.host(0);
  CHECK(fill_batch(batch, examples, 0) == 7);
  const TokenStream &encoder = batch.streams[kEncoder], &decoder = batch.streams[kDecoder];
  // Each example's decoder input begins with the start.
  CHECK(ids_of(decoder.ids.at(0)) == Ids{12, 9, 12, 10, 11, 1});
  CHECK(ids_of(batch.targets.at(0)) == Ids{9, 1, 10, 11, 1, 0});
  CHECK(ids_of(encoder.ranges.at(0)) == Ids{0, 3, 0, 3, 0, 3, 3, 5, 3, 5, 5, 7, 5, 7, 7, 7});
  CHECK(ids_of(encoder.other_ranges.at(0)) == Ids{0, 2, 0, 2, 0, 2, 2, 2, 2, 2, 2, 5, 2, 5, 5, 5});
  CHECK(ids_of(decoder.ranges.at(0)) == Ids{0, 2, 0, 2, 2, 5, 2, 5, 2, 5, 5, 5});
  CHECK(ids_of(decoder.other_ranges.at(0)) == Ids{0, 3, 0, 3, 5, 7, 5, 7, 5, 7, 7, 7});
  // A row of one example, and one past the end.
  CHECK(ids_of(decoder.ids.at(1)) == Ids{12, 3, 1, 0, 0, 0});
  CHECK(ids_of(decoder.ranges.at(1)) == Ids{0, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2});
  CHECK(ids_of(decoder.other_ranges.at(1)) == Ids{0, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2});
  CHECK(ids_of(encoder.ranges.at(2)) == Ids(16, 0));

  const Batch part = batch.slice(1, 2);
  CHECK(part.packed());
  CHECK(ids_of(part.streams[kDecoder].ranges) == ids_of(decoder.ranges.slice(1, 2)));
  CHECK(ids_of(part.streams[kEncoder].other_ranges) == ids_of(encoder.other_ranges.slice(1, 2)));

  examples[0].target_ends = {2, 5};
  CHECK_THROWS_AS(fill_batch(batch, examples, 0), InternalError);
  BatchBuilder plain(exec, 1, {1, {8, 6}});
  CHECK_FALSE(plain.host(0).packed());
  CHECK_THROWS_AS(fill_batch(plain.host(0), examples, 0), InternalError);
}

}  // namespace
}  // namespace sy
