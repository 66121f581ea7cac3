// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 against the published algorithm (Salmon et al. 2011): its constants and known
// answers, and that no two draws of a run coincide.
#include "lib/base/random.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>
#include <string>
#include <vector>

namespace sy {
namespace {

using Words = std::array<uint32_t, 4>;

// As in the paper's figure: ten rounds of two 32 x 32 -> 64 bit products, with the key bumped by
// the golden ratio and by sqrt(3) - 1, both times 2^32.
Words published(Words counter, std::array<uint32_t, 2> key) {
  const auto bump = [](long double fraction) {
    return static_cast<uint32_t>(std::floor(fraction * 4294967296.0L));
  };
  const uint32_t golden = bump((std::sqrt(5.0L) - 1) / 2), root = bump(std::sqrt(3.0L) - 1);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0], b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += golden;
    key[1] += root;
  }
  return counter;
}

Words words_of(const Philox4& drawn) {
  return {drawn.word[0], drawn.word[1], drawn.word[2], drawn.word[3]};
}

TEST_CASE("random: Philox's known answers", "[random]") {
  // The kat_vectors of Random123: zeros, ones, and the digits of pi.
  CHECK(published({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr uint32_t kOnes = 0xffffffff;
  CHECK(published({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(published({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: a block is the published one of (block, step, site) and the seed", "[random]") {
  for (uint64_t i = 0; i < 200; ++i) {
    const uint64_t mixed = i * 0x9E3779B97F4A7C15u;
    const RandomKey key{mixed ^ i << 7, static_cast<uint32_t>(mixed >> 11),
                        static_cast<uint32_t>(3 * i)};
    const uint64_t block = mixed * (i + 1);
    const Words wanted = published(
        {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), key.step, key.site},
        {static_cast<uint32_t>(key.seed), static_cast<uint32_t>(key.seed >> 32)});
    CHECK(words_of(philox(key, block)) == wanted);
    CHECK(words_of(philox(PhiloxStream(key), block)) == wanted);
    for (uint64_t word = 0; word < 4; ++word) {
      CHECK(random_word(key, (block >> 2 << 2) + word) == philox(key, block >> 2).word[word]);
    }
  }
}

TEST_CASE("random: uniforms have 24 bits and end below 1", "[random]") {
  CHECK(uniform_from_word(0) == 0.0f);
  CHECK(uniform_from_word(0xFF) == 0.0f);
  CHECK(uniform_from_word(0x100) == std::ldexp(1.0f, -24));
  CHECK(uniform_from_word(0xFFFFFFFF) == 1.0f - std::ldexp(1.0f, -24));
}

// Chi-square of 10 bins has 9 degrees of freedom: above 33.7 with probability 1e-4.
TEST_CASE("random: integers below a bound are equally likely", "[random]") {
  const RandomKey key{3, 4, 5};
  constexpr int kDraws = 20000;
  std::vector<double> seen(10);
  for (uint64_t i = 0; i < kDraws; ++i) ++seen.at(random_below(key, i, 10));
  double chi_square = 0;
  for (const double count : seen) chi_square += (count - 2000) * (count - 2000) / 2000;
  CHECK(chi_square < 33.7);
  for (uint64_t i = 0; i < 100; ++i) CHECK(random_below(key, i, 1) == 0);
}

TEST_CASE("random: a name's site is its FNV-1a hash with the top bit set", "[random]") {
  // Known answers of the hash's authors (Fowler, Noll and Vo), 32 bits.
  STATIC_REQUIRE(site::of_name("") == 0x811C9DC5);
  STATIC_REQUIRE(site::of_name("a") == 0xE40C292C);
  STATIC_REQUIRE(site::of_name("fo") == (0x6222E842 | 0x80000000));
  STATIC_REQUIRE(site::of_name("foobar") == 0xBF9CF968);
  STATIC_REQUIRE(site::of_name("init/encoder/layers/0/ffn/wi") == 0x9305422E);
}

TEST_CASE("random: named sites never collide with numbered ones", "[random]") {
  constexpr uint32_t kStreams = 1 << 24;  // minimum size of a numbered range
  for (const uint32_t numbered :
       {site::kData, site::kSpans, site::kWindows, site::kSampling, site::kSynthetic}) {
    CHECK(numbered <= site::kNamed - kStreams);
  }
  for (int i = 0; i < 10000; ++i) {
    CHECK(site::of_name("dropout/" + std::to_string(i)) >= site::kNamed);
  }
}

TEST_CASE("random: seed, step, site and index each change the draw", "[random]") {
  const RandomKey key{7, 8, 9};
  std::set<Words> seen;
  for (uint64_t change = 0; change < 64; ++change) {
    const uint64_t bit = uint64_t{1} << change;
    seen.insert(words_of(philox(RandomKey{key.seed ^ bit, key.step, key.site}, 1)));
    seen.insert(words_of(philox(key, 1 ^ bit)));
    if (change >= 32) continue;
    const auto half = static_cast<uint32_t>(bit);
    seen.insert(words_of(philox(RandomKey{key.seed, key.step ^ half, key.site}, 1)));
    seen.insert(words_of(philox(RandomKey{key.seed, key.step, key.site ^ half}, 1)));
  }
  CHECK(seen.size() == 64 + 64 + 32 + 32);
}

}  // namespace
}  // namespace sy
