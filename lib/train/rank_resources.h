// What a rank has of its node.
#pragma once

namespace sy {

struct RankResources {
  int threads = 1;
  int local_rank = 0;  // among the node's ranks: chooses its GPU
};

}  // namespace sy
