// SPDX-License-Identifier: Apache-2.0
// A mixture of several sources of examples.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/data/example_source.h"

namespace sy {

struct MixturePart {
  std::string name;
  double rate = 0;
  std::unique_ptr<ExampleSources> sources;
};

struct PartSize {
  std::string name;
  double size = 0;
  AutoNumber rate;
};

// Rates of parts from their sizes: explicit ones as given, others min(size, cap)^exponent. Throws
// ConfigError if they sum to 0.
std::vector<double> mixture_rates(const MixtureSection& mixture, std::span<const PartSize> parts);

// Draws the part of an example by (seed, its global index); Example.part is its number.
std::unique_ptr<ExampleSources> mix_sources(std::vector<MixturePart> parts,
                                            const LoaderPlace& place, uint64_t seed);

}  // namespace sy
