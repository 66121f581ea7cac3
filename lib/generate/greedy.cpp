#include "lib/generate/greedy.h"

#include <algorithm>

namespace sy {

int32_t Greedy::choose(std::span<const float> logits, int64_t /*position*/) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

}  // namespace sy
