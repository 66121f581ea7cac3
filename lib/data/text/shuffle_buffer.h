// SPDX-License-Identifier: Apache-2.0
// Documents in random order, epoch by epoch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/base/numeric.h"
#include "lib/base/random.h"
#include "lib/data/stream_state.h"
#include "lib/data/text/document.h"

namespace sy {

class ShuffleBuffer {
 public:
  // Holds up to `capacity` documents and, until it is full, reads up to `reads` before each draw;
  // with reads == capacity it is filled before the first draw. `key` determines the draws.
  ShuffleBuffer(size_t capacity, size_t reads, const RandomKey& key)
      : capacity_(capacity), reads_(reads), key_(key) {}

  // Removes and returns a random document. `read` returns the next document, or null once the epoch
  // has no more. The buffer is then drained, and draw() returns null when it is empty.
  template <class Read>
  Document draw(Read&& read) {
    for (size_t i = 0; i < reads_ && held_.size() < capacity_; ++i) {
      Document document = read();
      if (document == nullptr) break;
      change(held_.size(), std::move(document));
    }
    return held_.empty() ? nullptr : draw_held();
  }

  int64_t draws() const { return draws_; }  // made so far
  size_t capacity() const { return capacity_; }

  // Copies the documents into `held` and reserves space for more, so that a copy that follows the
  // buffer by its changes does not allocate.
  void save(std::vector<Document>& held) const {
    constexpr size_t kMostReserved = 1 << 16;  // larger buffers allocate as they grow
    held.reserve(std::min(capacity_, kMostReserved));
    held.assign(held_.begin(), held_.end());
  }

  void restore(int64_t draws, const std::vector<Document>& held) {
    draws_ = draws;
    held_ = held;
  }

  // The changes since the last call. Overwrites `changes` and takes over its memory.
  void take_changes(std::vector<BufferChange>& changes) {
    changes.clear();
    changes.swap(changes_);
  }

 private:
  Document draw_held() {
    const size_t place =
        random_below(key_, static_cast<uint64_t>(draws_++), narrow<uint32_t>(held_.size()));
    Document drawn = held_[place];
    change(place, nullptr);
    return drawn;
  }

  void change(size_t place, Document document) {
    changes_.emplace_back(place, std::move(document));
    apply_change(changes_.back(), held_);
  }

  size_t capacity_, reads_;
  RandomKey key_;
  int64_t draws_ = 0;
  std::vector<Document> held_;
  std::vector<BufferChange> changes_;
};

}  // namespace sy
