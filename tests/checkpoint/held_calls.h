// SPDX-License-Identifier: Apache-2.0
// A disk that is as slow as a test needs: a call on a path waits until the test lets it go on.
#pragma once

#include <string>

#include "lib/checkpoint/durable.h"

namespace sy::test {

// Holds every call of the kind `call` on `path` until release() or the end of its life. Only one
// may exist at a time, and no FileLog beside it.
class HeldCalls {
 public:
  HeldCalls(checkpoint::FileCall call, const std::string& path);
  ~HeldCalls();
  HeldCalls(const HeldCalls&) = delete;
  HeldCalls& operator=(const HeldCalls&) = delete;

  void wait_until_held() const;  // until a thread waits
  bool holds() const;            // a thread waits
  int nice() const;              // the nice value of the thread that waits
  void release();
};

}  // namespace sy::test
