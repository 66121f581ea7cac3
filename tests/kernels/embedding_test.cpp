// SPDX-License-Identifier: Apache-2.0
#include "kernels/embedding/embedding.h"

#include <catch2/catch.hpp>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("embedding: rows by id", "[embedding]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned table = tensor_of(dtype, {3, 2}, {10, 11, 20, 21, 30, 31});
  Owned ids = int_tensor({4}, {2, 0, 2, 1}), out(dtype, {4, 2});
  embedding_forward(*exec, out, table, ids);
  CHECK(values_of(out) == std::vector<double>{30, 31, 10, 11, 30, 31, 20, 21});
}

TEST_CASE("embedding: the gradient adds up repeated ids on top of what was there", "[embedding]") {
  auto exec = make_exec();
  Owned d_table = tensor_of(DType::f32, {3, 2}, {1, 2, 3, 4, 5, 6});
  Owned ids = int_tensor({3}, {2, 0, 2}),
        d_out = tensor_of(DType::f32, {3, 2}, {1, 10, 2, 20, 3, 30});
  embedding_backward(*exec, d_table, d_out, ids);
  CHECK(values_of(d_table) == std::vector<double>{3, 22, 3, 4, 9, 46});
}

TEST_CASE("embedding: gradients", "[embedding]") {
  auto exec = make_exec();
  // 201 and 200 are wider than one slice of columns and leave the last one partly filled.
  const int64_t d = GENERATE(1, 7, 201, 200);
  Owned table = random_tensor(DType::f64, {4, d}, 1), weight = random_tensor(DType::f64, {6, d}, 2);
  Owned ids = int_tensor({6}, {3, 1, 1, 0, 3, 3}), out(DType::f64, {6, d});
  Owned d_table = zeros(DType::f64, {4, d});
  embedding_backward(*exec, d_table, weight, ids);
  CHECK(gradient_error(table, d_table, [&] {
          embedding_forward(*exec, out, table, ids);
          return weighted_sum(out, weight);
        }) < kGradientTolerance);
}

TEST_CASE("embedding: the same bits for any number of threads", "[embedding]") {
  std::vector<int32_t> many;
  for (int32_t i = 0; i < 500; ++i) many.push_back(i * i % 7);
  Owned ids = int_tensor({500}, many), d_out = random_tensor(DType::f32, {500, 150}, 1);
  CHECK(same_for_any_threads(random_tensor(DType::f32, {7, 150}, 2), [&](Exec& exec, Tensor out) {
    embedding_backward(exec, out, d_out, ids);
  }));
}

TEST_CASE("embedding: no rows", "[embedding]") {
  auto exec = make_exec();
  Owned table = random_tensor(DType::f32, {3, 2}, 1), before = table;
  Owned ids(DType::i32, {0}), rows(DType::f32, {0, 2});
  embedding_forward(*exec, rows, table, ids);
  embedding_backward(*exec, table, rows, ids);
  CHECK(same_bits(table, before));
}

// Some ids have hundreds of rows, in many chunks and tiles of the sorted rows; some have one, some
// none.
TEST_CASE("embedding: many rows of few ids", "[embedding]") {
  const int64_t rows = GENERATE(31, 32, 33, 64, 1024, 1025, 4097, 40001), d = GENERATE(3, 8);
  constexpr int32_t kVocab = 1000;
  auto exec = make_exec();
  std::vector<int32_t> many;
  for (int64_t r = 0; r < rows; ++r) {
    const auto drawn = static_cast<int32_t>((r * 7919) % 1009);
    many.push_back(drawn % 3 == 0 ? 0 : drawn % 7 == 0 ? 500 : std::min(drawn, kVocab - 1));
  }
  Owned ids = int_tensor({rows}, many), d_out(DType::f32, {rows, d});
  Owned d_table(DType::f32, {kVocab, d}), expected(DType::f32, {kVocab, d});
  // Small integers: every order of summation gives the same result.
  for (int64_t i = 0; i < rows * d; ++i) set(d_out, i, static_cast<double>((i * 31) % 101 - 50));
  for (int64_t i = 0; i < kVocab * d; ++i) {
    set(d_table, i, 1);
    set(expected, i, 1);
  }
  for (int64_t i = 0; i < rows * d; ++i) {
    const int64_t to = many[static_cast<size_t>(i / d)] * d + i % d;
    set(expected, to, at(expected, to) + at(d_out, i));
  }
  embedding_backward(*exec, d_table, d_out, ids);
  CHECK(same_bits(d_table, expected));
}

// The sum over the shards is the whole, with the same bits: all rows but one are zeros.
TEST_CASE("embedding: shards of the vocabulary", "[embedding]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t shards = GENERATE(2, 3), d = GENERATE(5, 8);
  constexpr int64_t kVocab = 12, kRows = 40;
  std::vector<int32_t> drawn;
  for (int32_t r = 0; r < kRows; ++r) drawn.push_back(r * 7 % kVocab);
  Owned table = random_tensor(dtype, {kVocab, d}, 1), ids = int_tensor({kRows}, drawn);
  Owned d_out(dtype, {kRows, d}), d_table(dtype, {kVocab, d});
  // Small integers, since CUDA sums a shard's rows in another order.
  for (int64_t i = 0; i < kRows * d; ++i) set(d_out, i, static_cast<double>((i * 31) % 101 - 50));
  for (int64_t i = 0; i < kVocab * d; ++i) set(d_table, i, static_cast<double>(i % 7));
  Owned d_shards = d_table, whole(dtype, {kRows, d}), part(dtype, {kRows, d}),
        sum(dtype, {kRows, d});
  embedding_forward(*exec, whole, table, ids);
  embedding_backward(*exec, d_table, d_out, ids);
  const int64_t held = kVocab / shards;
  for (int64_t first = 0; first < kVocab; first += held) {
    embedding_forward(*exec, part, table.tensor().slice(first, held), ids, {first, kVocab});
    embedding_backward(*exec, d_shards.tensor().slice(first, held), d_out, ids, {first, kVocab});
    for (int64_t i = 0; i < kRows * d; ++i) set(sum, i, at(sum, i) + at(part, i));
  }
  CHECK(same_bits(sum, whole));
  CHECK(same_bits(d_shards, d_table));
}

TEST_CASE("embedding: an id outside the table is reported, or shows in its row", "[embedding]") {
  auto exec = make_exec();
  const int32_t bad = GENERATE(-1, 3);
  Owned table(DType::f32, {3, 2}), ids = int_tensor({2}, {1, bad}), rows(DType::f32, {2, 2});
  if (exec->backend == Backend::cuda) {
    set(rows, 0, 5);
    embedding_backward(*exec, table, rows, ids);
    CHECK(values_of(table) == std::vector<double>{0, 0, 5, 0, 0, 0});
    embedding_forward(*exec, rows, table, ids);
    CHECK(at(rows, 0) == 5);
    CHECK(std::isnan(at(rows, 2)));
    CHECK(std::isnan(at(rows, 3)));
    return;
  }
  const auto message = Catch::Matchers::Contains("id " + std::to_string(bad) + " at position 1");
  CHECK_THROWS_WITH(embedding_forward(*exec, rows, table, ids), message);
  CHECK_THROWS_WITH(embedding_backward(*exec, table, rows, ids), message);
  CHECK_THROWS_AS(embedding_forward(*exec, rows, table, ids, {2, 4}), InternalError);
}

}  // namespace
}  // namespace sy
