// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/row_exchange.h"

#include <catch2/catch.hpp>
#include <tuple>

namespace sy {
namespace {

bool same(const std::vector<RowRange>& ranges,
          const std::vector<std::pair<int64_t, int64_t>>& expected) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (const RowRange& range : ranges) pairs.emplace_back(range.first, range.count);
  return pairs == expected;
}

TEST_CASE("row_exchange: ragged rows worked by hand", "[row_exchange]") {
  RowExchange exchange;
  exchange.sent = {3, 1, 0, 2};      // to the experts of rank 0, then of rank 1
  exchange.received = {3, 1, 4, 0};  // for the two experts here, from rank 0, then rank 1
  exchange.plan_ragged(2, 1);
  REQUIRE(exchange.parts.size() == 1);
  CHECK(same(exchange.parts[0].slots, {{0, 3}, {3, 1}, {4, 0}, {4, 2}}));
  CHECK(same(exchange.parts[0].rows, {{0, 3}, {7, 1}, {3, 4}, {8, 0}}));
  CHECK(exchange.all.total == 8);
  CHECK(exchange.all.counts == std::vector<int32_t>{7, 1});

  exchange.plan_ragged(2, 2);
  REQUIRE(exchange.parts.size() == 2);
  CHECK(same(exchange.parts[0].slots, {{0, 3}, {4, 0}}));
  CHECK(same(exchange.parts[0].rows, {{0, 3}, {3, 4}}));
  CHECK(same(exchange.parts[1].slots, {{3, 1}, {4, 2}}));
  CHECK(same(exchange.parts[1].rows, {{7, 1}, {8, 0}}));
  CHECK(exchange.parts[1].experts.first_expert == 1);
  CHECK(exchange.parts[1].experts.first == 7);
  CHECK(exchange.parts[1].experts.counts == std::vector<int32_t>{1});
  CHECK(exchange.all.counts == std::vector<int32_t>{7, 1});
}

TEST_CASE("row_exchange: one expert a rank travels in pieces", "[row_exchange]") {
  RowExchange exchange;
  exchange.plan_even(2, 1, 5, 2);
  REQUIRE(exchange.parts.size() == 2);
  CHECK(same(exchange.parts[0].slots, {{0, 2}, {5, 2}}));
  CHECK(same(exchange.parts[0].rows, {{0, 2}, {2, 2}}));
  CHECK(same(exchange.parts[1].slots, {{2, 3}, {7, 3}}));
  CHECK(same(exchange.parts[1].rows, {{4, 3}, {7, 3}}));
  CHECK(exchange.parts[1].experts.each == 6);
  CHECK(exchange.parts[1].experts.counts.empty());
  CHECK(exchange.all.each == 10);
}

TEST_CASE("row_exchange: planning has one part of all rows", "[row_exchange]") {
  RowExchange exchange;
  exchange.plan_most(4, 1, 3, 10);
  REQUIRE(exchange.parts.size() == 1);
  CHECK(exchange.parts[0].experts.total == 40);
  CHECK(same(exchange.parts[0].slots, {{0, 0}, {0, 0}, {0, 10}, {0, 0}}));
  CHECK(same(exchange.parts[0].rows, {{0, 10}, {0, 0}, {20, 10}, {30, 10}}));
  CHECK(exchange.parts[0].experts.experts == 3);
  CHECK(exchange.parts[0].experts.counts.empty());
}

using Row = std::tuple<int64_t, int64_t, int64_t>;  // source rank, expert, index

// All ranks of a mesh at once: the number of rows that each sends to every expert.
struct Ranks {
  int64_t ranks, local;
  std::vector<std::vector<int32_t>> sent;  // [ranks] of [ranks, local]
  std::vector<RowExchange> exchange;
  std::vector<std::vector<Row>> slots, rows;

  Ranks(int64_t rank_count, int64_t local_experts, size_t parts)
      : ranks(rank_count), local(local_experts) {
    const auto size = static_cast<size_t>(ranks);
    exchange.resize(size), slots.resize(size), rows.resize(size);
    for (int64_t rank = 0; rank < ranks; ++rank) {
      std::vector<int32_t>& mine = sent.emplace_back();
      for (int64_t expert = 0; expert < ranks * local; ++expert) {
        const int64_t count = (rank * 5 + expert * 3 + rank * expert) % 7;  // some are 0
        mine.push_back(static_cast<int32_t>(count));
        for (int64_t k = 0; k < count; ++k) at(slots, rank).emplace_back(rank, expert, k);
      }
    }
    for (int64_t rank = 0; rank < ranks; ++rank) plan(rank, parts);
  }

  template <class T>
  static T& at(std::vector<T>& of, int64_t rank) {
    return of[static_cast<size_t>(rank)];
  }

  void plan(int64_t rank, size_t parts) {
    RowExchange& mine = at(exchange, rank);
    mine.sent = at(sent, rank);
    for (int64_t source = 0; source < ranks; ++source) {
      const auto first = at(sent, source).begin() + rank * local;
      mine.received.insert(mine.received.end(), first, first + local);
    }
    mine.plan_ragged(local, parts);
    at(rows, rank).assign(static_cast<size_t>(mine.all.total), Row{-1, -1, -1});
  }

  // Moves the rows as start_all_to_all_rows does.
  void travel(size_t part, int64_t from, int64_t to) {
    const std::vector<RowRange>& out = at(exchange, from).parts[part].slots;
    const std::vector<RowRange>& in = at(exchange, to).parts[part].rows;
    REQUIRE(out.size() == in.size());
    const int64_t each = static_cast<int64_t>(out.size()) / ranks;
    for (int64_t k = 0; k < each; ++k) {
      const RowRange source = out[static_cast<size_t>(to * each + k)];
      const RowRange target = in[static_cast<size_t>(from * each + k)];
      REQUIRE(source.count == target.count);
      for (int64_t row = 0; row < source.count; ++row) {
        REQUIRE(at(at(rows, to), target.first + row) == Row{-1, -1, -1});
        at(at(rows, to), target.first + row) = at(at(slots, from), source.first + row);
      }
    }
  }
};

TEST_CASE("row_exchange: every row arrives once, with its expert's", "[row_exchange]") {
  const int64_t local = GENERATE(1, 2, 3, 5);
  const size_t parts = GENERATE(size_t{1}, size_t{2}, size_t{3});
  Ranks all(GENERATE(2, 3), local, parts);
  for (int64_t rank = 0; rank < all.ranks; ++rank) {
    const RowExchange& exchange = Ranks::at(all.exchange, rank);
    for (size_t part = 0; part < exchange.parts.size(); ++part) {
      for (int64_t source = 0; source < all.ranks; ++source) all.travel(part, source, rank);
      const ExpertRows& experts = exchange.parts[part].experts;
      int64_t row = experts.first, wrong = 0;
      for (int64_t e = 0; e < experts.experts; ++e) {
        for (int32_t k = 0; k < experts.counts[static_cast<size_t>(e)]; ++k, ++row) {
          const int64_t expert = std::get<1>(Ranks::at(Ranks::at(all.rows, rank), row));
          wrong += expert != rank * local + experts.first_expert + e;
        }
      }
      CHECK(wrong == 0);
      CHECK(row == experts.first + experts.total);
    }
  }
}

}  // namespace
}  // namespace sy
