#include "lib/data/text/shuffle_buffer.h"

#include <algorithm>

#include "lib/base/numeric.h"

namespace sy {

void ShuffleBuffer::save(std::vector<Document>& held) const {
  constexpr size_t kRoom = 1 << 16;  // more is left to the few who want it
  held.reserve(std::min(capacity_, kRoom));
  held.assign(held_.begin(), held_.end());
}

void ShuffleBuffer::restore(int64_t draws, const std::vector<Document>& held) {
  draws_ = draws;
  held_ = held;
}

void ShuffleBuffer::take_changes(std::vector<BufferChange>& changes) {
  changes.clear();
  changes.swap(changes_);
}

Document ShuffleBuffer::draw_held() {
  const size_t place =
      random_below(key_, static_cast<uint64_t>(draws_++), narrow<uint32_t>(held_.size()));
  Document drawn = held_[place];
  change(place, nullptr);
  return drawn;
}

void ShuffleBuffer::change(size_t place, Document document) {
  changes_.emplace_back(place, std::move(document));
  apply_change(changes_.back(), held_);
}

}  // namespace sy
