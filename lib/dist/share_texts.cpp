// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/share_texts.h"

#include <algorithm>

#include "lib/base/numeric.h"

namespace sy {

std::vector<std::string> share_texts(const std::vector<std::string>& texts, Communicator& group,
                                     int root) {
  std::string joined;
  for (const std::string& text : texts) joined += text + '\0';
  auto size = narrow<int32_t>(std::ssize(joined));
  group.broadcast(Tensor(&size, DType::i32, {1}), root, "size of texts");
  std::vector<int32_t> letters(joined.begin(), joined.end());
  letters.resize(static_cast<size_t>(size));
  if (size > 0) group.broadcast(Tensor(letters.data(), DType::i32, {size}), root, "texts");
  std::vector<std::string> shared;
  for (auto begin = letters.begin(); begin != letters.end();) {
    const auto end = std::find(begin, letters.end(), 0);
    shared.emplace_back(begin, end);
    begin = end + 1;
  }
  return shared;
}

int lowest_rank_where(bool holds, Communicator& group) {
  // The maximum of negated ranks is the lowest rank.
  double first = holds ? -group.rank() : -group.size();
  group.all_reduce_max(Tensor(&first, DType::f64, {1}), "lowest rank");
  return static_cast<int>(-first);
}

}  // namespace sy
