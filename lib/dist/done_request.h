// The request of a collective that was done at once. Its communicator keeps one for all.
#pragma once

#include "lib/dist/communicator.h"

namespace sy::detail {

class DoneRequest final : public Request {
 public:
  bool test() override { return true; }
  void wait() override {}
  void release() override {}
};

}  // namespace sy::detail
