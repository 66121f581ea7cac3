// The shapes of the products that ran while the profiler was on, with how often each did: the bench
// command measures the matrix rate on just these.
#pragma once

#include <vector>

#include "kernels/gemm_shape.h"

namespace sy {

struct GemmLog {
  struct Entry {
    GemmShape shape;
    int64_t count;
  };
  std::vector<Entry> entries;

  void add(const GemmShape& shape) {
    for (Entry& entry : entries) {
      if (entry.shape == shape) {
        ++entry.count;
        return;
      }
    }
    entries.push_back({shape, 1});
  }
};

}  // namespace sy
