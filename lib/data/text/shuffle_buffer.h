// Documents in random order, epoch by epoch.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/random.h"
#include "lib/data/stream_state.h"
#include "lib/data/text/document.h"

namespace sy {

class ShuffleBuffer {
 public:
  // Holds up to `capacity` documents, and reads up to `reads` before each draw until it is full:
  // `capacity` fills it before the first draw. Draws belong to `key`.
  ShuffleBuffer(size_t capacity, size_t reads, const RandomKey& key)
      : capacity_(capacity), reads_(reads), key_(key) {}

  // A random one of those held. `read` gives the next document, or null while the epoch has no
  // more; then the buffer is drawn empty, and null is the answer once it is.
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

  // Copies what is held, with room for what may come: a state that follows by changes then grows
  // without allocating.
  void save(std::vector<Document>& held) const;

  void restore(int64_t draws, const std::vector<Document>& held);

  // What has changed since the last call; overwrites `changes` and takes its memory.
  void take_changes(std::vector<BufferChange>& changes);

 private:
  Document draw_held();
  void change(size_t place, Document document);

  size_t capacity_, reads_;
  RandomKey key_;
  int64_t draws_ = 0;
  std::vector<Document> held_;
  std::vector<BufferChange> changes_;
};

}  // namespace sy
