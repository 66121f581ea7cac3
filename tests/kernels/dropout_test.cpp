// SPDX-License-Identifier: Apache-2.0
#include "kernels/dropout/dropout.h"

#include <catch2/catch.hpp>

#include "kernels/cpu/philox_fill.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

constexpr RandomKey kKey{0x0123456789ABCDEFu, 17, 33};

// The mask, element by element, as the header defines it.
double factor_of(const Dropout& dropout, int64_t global_row, int64_t cols, int64_t col) {
  const uint64_t index = static_cast<uint64_t>(global_row * cols + col);
  const bool kept = random_uniform(dropout.key, index) >= dropout.rate;
  return kept ? 1.0 / (1.0 - static_cast<double>(dropout.rate)) : 0.0;
}

// Vectors of Random123's kat_vectors for philox4x32 with 10 rounds.
TEST_CASE("philox: known answers", "[dropout]") {
  const auto words = [](const RandomKey& key, uint64_t block) {
    const Philox4 w = philox(key, block);
    return std::vector<uint32_t>(w.word, w.word + 4);
  };
  CHECK(words({0, 0, 0}, 0) ==
        std::vector<uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const uint64_t ones = ~uint64_t{0};
  CHECK(words({ones, 0xffffffff, 0xffffffff}, ones) ==
        std::vector<uint32_t>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  // The digits of pi.
  CHECK(words({0x299f31d0a4093822, 0x13198a2e, 0x03707344}, 0x85a308d3243f6a88) ==
        std::vector<uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("philox: many blocks at once draw the words that one block draws", "[dropout]") {
  // From 0, across 2^32 blocks, and up to the very last block.
  const uint64_t block = GENERATE(uint64_t{0}, uint64_t{0xFFFFFFF0}, uint64_t{1} << 40,
                                  ~uint64_t{0} - (kPhiloxLanes - 1));
  uint32_t words[kPhiloxWords];
  philox_words(kKey, block, words);
  for (uint64_t i = 0; i < kPhiloxWords; ++i) {
    const Philox4 one = philox(kKey, block + i / 4);
    REQUIRE(words[i] == one.word[i % 4]);
  }
}

TEST_CASE("philox: uniforms from any place, of any number", "[dropout]") {
  const uint64_t first = GENERATE(0, 1, 2, 3, 127, 4000000001);
  const int64_t count = GENERATE(0, 1, 3, 125, 128, 129, 1000);
  std::vector<float> drawn(static_cast<size_t>(count) + 1, -1.0f);
  float* p = drawn.data();
  for_each_uniform(kKey, first, count, [p](int64_t i, float u) { p[i] = u; });
  for (int64_t i = 0; i < count; ++i) {
    REQUIRE(p[i] == random_uniform(kKey, first + static_cast<uint64_t>(i)));
  }
  CHECK(p[count] == -1.0f);
}

TEST_CASE("dropout: the mask is drawn by the element's global place", "[dropout]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t cols = GENERATE(1, 5, 37, 128, 1500), rows = 6;
  auto exec = make_exec();
  Dropout dropout{0.3f, kKey, 3000000000, {}};
  Owned x = random_tensor(dtype, {rows, cols}, 1), out(dtype, {rows, cols});
  dropout_forward(*exec, out, x, dropout);
  double worst = 0;
  for (int64_t i = 0; i < rows * cols; ++i) {
    const double factor = factor_of(dropout, dropout.first_row + i / cols, cols, i % cols);
    worst = std::max(worst, std::abs(at(out, i) - factor * at(x, i)));
  }
  CHECK(worst < 1e-6);
}

TEST_CASE("dropout: a subset of the rows has the same mask as in the whole", "[dropout]") {
  auto exec = make_exec();
  Owned x = random_tensor(DType::f32, {10, 33}, 1), whole(DType::f32, {10, 33});
  Owned part(DType::f32, {4, 33});
  dropout_forward(*exec, whole, x, {0.5f, kKey, 100, {}});
  dropout_forward(*exec, part, x.tensor().slice(3, 4), {0.5f, kKey, 103, {}});
  CHECK(same_bits(part, whole.tensor().slice(3, 4)));
}

// Shards whose columns begin and end on, and off, a Philox block and a vector; by row ids or not.
TEST_CASE("dropout: a shard of the columns has the same mask as in the whole", "[dropout]") {
  auto exec = make_exec();
  constexpr int64_t kRows = 5;
  const auto [cols, shard] = GENERATE(std::pair<int64_t, int64_t>{48, 16}, std::pair{48, 24},
                                      std::pair{48, 12}, std::pair{33, 11}, std::pair{512, 256});
  const bool by_id = GENERATE(false, true);
  Owned ids = int_tensor({kRows}, {9, 2, -1, 30, 9});
  Dropout dropout{0.5f, kKey, 100, {}};
  if (by_id) dropout.row_ids = ids;
  Owned x = random_tensor(DType::f32, {kRows, cols}, 1), whole(DType::f32, {kRows, cols});
  Owned in(DType::f32, {kRows, shard}), out(DType::f32, {kRows, shard});
  dropout_forward(*exec, whole, x, dropout);
  dropout.num_cols = cols;
  for (int64_t first = 0; first < cols; first += shard) {
    dropout.first_col = first;
    for (int64_t i = 0; i < kRows * shard; ++i) {
      set(in, i, at(x, i / shard * cols + first + i % shard));
    }
    dropout_forward(*exec, out, in, dropout);
    for (int64_t i = 0; i < kRows * shard; ++i) {
      REQUIRE(at(out, i) == at(whole, i / shard * cols + first + i % shard));
    }
  }
}

// Masks of four rows, from within one; whole rows and shards of the columns, which begin and end
// on, and off, a Philox block.
TEST_CASE("dropout: consecutive rows share a mask", "[dropout]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64, DType::bf16);
  const auto [cols, shard] = GENERATE(std::pair<int64_t, int64_t>{48, 48}, std::pair{48, 24},
                                      std::pair{33, 33}, std::pair{33, 11});
  const int64_t rows = 11, per_mask = 4;
  Dropout dropout{0.5f, kKey, 12000000002, {}};
  dropout.rows_per_mask = per_mask;
  dropout.num_cols = cols;
  Owned x =
      tensor_of(dtype, {rows, shard}, std::vector<double>(static_cast<size_t>(rows * shard), 1.0));
  Owned out(dtype, x.tensor().shape());
  for (dropout.first_col = 0; dropout.first_col < cols; dropout.first_col += shard) {
    dropout_forward(*exec, out, x, dropout);
    for (int64_t i = 0; i < rows * shard; ++i) {
      const int64_t mask = (dropout.first_row + i / shard) / per_mask;
      REQUIRE(at(out, i) == factor_of(dropout, mask, cols, dropout.first_col + i % shard));
    }
  }
}

TEST_CASE("dropout: rows by id, and rows that are kept whole", "[dropout]") {
  auto exec = make_exec();
  const int64_t cols = GENERATE(21, 24);
  Owned ids = int_tensor({4}, {7, -1, 0, 7});
  const Dropout dropout{0.5f, kKey, 999, ids};
  Owned x = random_tensor(DType::f64, {4, cols}, 1), out(DType::f64, {4, cols});
  dropout_forward(*exec, out, x, dropout);
  for (int64_t i = 0; i < 4 * cols; ++i) {
    const int32_t id = ids.data<int32_t>()[i / cols];
    const double factor = id < 0 ? 1.0 : factor_of(dropout, id, cols, i % cols);
    REQUIRE(at(out, i) == Approx(factor * at(x, i)).margin(1e-15));
  }
}

// An element is kept when the rate equals its uniform and dropped at the next larger rate. Checked
// for several elements, and for those whose word has no bits below the 24 bits of a uniform.
TEST_CASE("dropout: an element is kept if its uniform is at least the rate", "[dropout]") {
  auto exec = make_exec();
  const int64_t cols = GENERATE(1000, 1001);
  Owned x = tensor_of(DType::f64, {1, cols}, std::vector<double>(static_cast<size_t>(cols), 1.0));
  Owned out(DType::f64, {1, cols});
  int bare = 0;
  for (int64_t i = 0; i < cols; ++i) {
    const uint32_t word = random_word(kKey, static_cast<uint64_t>(i));
    bare += word % 256 == 0;
    if (i % 37 != 0 && word % 256 != 0) continue;
    const float rate = uniform_from_word(word);
    dropout_forward(*exec, out, x, {rate, kKey, 0, {}});
    CHECK(at(out, i) != 0);
    dropout_forward(*exec, out, x, {std::nextafter(rate, 1.0f), kKey, 0, {}});
    CHECK(at(out, i) == 0);
  }
  CHECK(bare > 0);
}

TEST_CASE("dropout: keeps 1 - rate of the elements and their mean", "[dropout]") {
  auto exec = make_exec();
  const float rate = GENERATE(0.01f, 0.1f, 0.9f);
  const int64_t count = 1 << 20;
  Owned x = tensor_of(DType::f32, {1, count}, std::vector<double>(count, 1.0));
  Owned out(DType::f32, {1, count});
  dropout_forward(*exec, out, x, {rate, kKey, 5, {}});
  int64_t kept = 0;
  for (int64_t i = 0; i < count; ++i) kept += at(out, i) != 0;
  // Five standard deviations of the binomial.
  const double deviation = std::sqrt(rate * (1 - rate) * static_cast<double>(count));
  CHECK(std::abs(static_cast<double>(kept) - (1 - rate) * static_cast<double>(count)) <
        5 * deviation);
}

TEST_CASE("dropout: rate 0 keeps every bit", "[dropout]") {
  auto exec = make_exec();
  Owned x = random_tensor(DType::f32, {3, 50}, 1), out(DType::f32, {3, 50});
  dropout_forward(*exec, out, x, {});
  CHECK(same_bits(out, x));
}

TEST_CASE("dropout: with a residual, and in place", "[dropout]") {
  auto exec = make_exec();
  const float rate = GENERATE(0.0f, 0.25f);
  const Dropout dropout{rate, kKey, 2, {}};
  const Shape shape = GENERATE(Shape{5, 40}, Shape{5, 39});
  Owned x = random_tensor(DType::f64, shape, 1), residual = random_tensor(DType::f64, shape, 2);
  Owned dropped(DType::f64, shape), sum(DType::f64, shape);
  dropout_forward(*exec, dropped, x, dropout);
  residual_dropout_forward(*exec, sum, residual, x, dropout);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    REQUIRE(at(sum, i) == Approx(at(residual, i) + at(dropped, i)).margin(1e-15));
  }
  Owned over_x = x, over_residual = residual, alone = x;
  residual_dropout_forward(*exec, over_x, residual, over_x, dropout);
  residual_dropout_forward(*exec, over_residual, over_residual, x, dropout);
  dropout_forward(*exec, alone, alone, dropout);
  CHECK(same_bits(over_x, sum));
  CHECK(same_bits(over_residual, sum));
  CHECK(same_bits(alone, dropped));
}

TEST_CASE("dropout: gradients", "[dropout]") {
  auto exec = make_exec();
  const Dropout dropout{0.4f, kKey, 1, {}};
  const Shape shape = GENERATE(Shape{7, 9}, Shape{1, 1}, Shape{0, 4});
  Owned x = random_tensor(DType::f64, shape, 1), residual = random_tensor(DType::f64, shape, 2);
  Owned weight = random_tensor(DType::f64, shape, 3), out(DType::f64, shape),
        d_x(DType::f64, shape);
  dropout_forward(*exec, d_x, weight, dropout);
  const auto loss = [&] {
    residual_dropout_forward(*exec, out, residual, x, dropout);
    return weighted_sum(out, weight);
  };
  CHECK(gradient_error(x, d_x, loss) < kGradientTolerance);
  CHECK(gradient_error(residual, weight, loss) < kGradientTolerance);
}

TEST_CASE("dropout: the same bits for any number of threads", "[dropout]") {
  Owned x = random_tensor(DType::f32, {29, 77}, 1);
  CHECK(same_for_any_threads(Owned(DType::f32, {29, 77}), [&](Exec& exec, Tensor out) {
    dropout_forward(exec, out, x, {0.2f, kKey, 0, {}});
  }));
}

TEST_CASE("dropout: backward copies nothing where nothing is dropped", "[dropout]") {
  auto exec = make_exec();
  Owned d_out = random_tensor(DType::f32, {5, 24}, 1), room = random_tensor(DType::f32, {5, 24}, 2);
  Owned before = room, expected(DType::f32, {5, 24});
  CHECK(dropout_backward(*exec, room, d_out, {0, kKey, 0, {}}).raw() == d_out.tensor().raw());
  CHECK(same_bits(room, before));
  const Dropout dropout{0.5f, kKey, 7, {}};
  dropout_forward(*exec, expected, d_out, dropout);
  CHECK(dropout_backward(*exec, room, d_out, dropout).raw() == room.tensor().raw());
  CHECK(same_bits(room, expected));
}

TEST_CASE("dropout: wrong arguments", "[dropout]") {
  auto exec = make_exec();
  Owned x(DType::f32, {3, 4}), other(DType::f32, {3, 5}), ids = int_tensor({2}, {0, 1});
  CHECK_THROWS_AS(dropout_forward(*exec, other, x, {}), InternalError);
  CHECK_THROWS_AS(dropout_forward(*exec, x, x, {1.0f, kKey, 0, {}}), InternalError);
  CHECK_THROWS_AS(dropout_forward(*exec, x, x, {0.1f, kKey, 0, ids}), InternalError);
  CHECK_THROWS_AS(residual_dropout_forward(*exec, x, {}, x, {}), InternalError);
  CHECK_THROWS_AS(dropout_forward(*exec, x, x, {0.1f, kKey, 0, {}, 5, 8}), InternalError);
  CHECK_THROWS_AS(dropout_forward(*exec, x, x, {0.1f, kKey, 0, {}, 0, 0, 0}), InternalError);
  Owned three = int_tensor({3}, {0, 1, 2});
  CHECK_THROWS_AS(dropout_forward(*exec, x, x, {0.1f, kKey, 0, three, 0, 0, 2}), InternalError);
}

}  // namespace
}  // namespace sy
