// SPDX-License-Identifier: Apache-2.0
// A mixture of sources of examples: corpora, such as a text for each language, or tasks. Each
// example is drawn from one part, with a probability in proportion to the part's rate.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/data/example_source.h"

namespace sy {

// What a part's rate follows from.
struct PartSize {
  std::string name;
  double size = 0;  // not negative; in a unit that all parts share
  AutoNumber rate;
};

struct MixturePart {
  std::string name;
  double rate = 0;  // relative to the others'; 0: never drawn. Not used in a single pass
  std::unique_ptr<ExampleSources> sources;
};

// The rates of the parts, in their order: those that are given or, where all are auto,
// min(size, cap)^exponent, and 0 for a part without size. mT5 (Xue et al. 2021) draws languages
// this way with exponent 0.3. Given rates and sizes have no common unit, so it is all or none.
// Throws ConfigError, naming the parts, if only some are given or if all rates are 0.
std::vector<double> mixture_rates(const MixtureSection& mixture, std::span<const PartSize> parts);

// A seed of its own for each part, so that the parts' shuffles and masks are not alike.
uint64_t part_seed(uint64_t seed, size_t part);

// The mixture of at least one part. Each part has a stream for each virtual stream, which goes on
// where it stood at the part's last example there.
//
// The part of an example is drawn by (seed, its global index), so that every mesh and every resumed
// run draws the same. Example.part is the part's number. In a single pass, streams go through the
// parts in order, each once. Counters are sums over the parts. A position restores only into parts
// of the same names in the same order; their rates may be others.
std::unique_ptr<ExampleSources> mix_sources(std::vector<MixturePart> parts,
                                            const LoaderPlace& place, uint64_t seed);

}  // namespace sy
