// The most likely token each time; of equal ones the lowest id.
#pragma once

#include "lib/generate/search.h"

namespace sy {

class Greedy : public OneSequence {
 public:
  explicit Greedy(const GenerateOptions& options) : OneSequence(options) {}

 private:
  int32_t choose(std::span<const float> logits, int64_t position) override;
};

}  // namespace sy
