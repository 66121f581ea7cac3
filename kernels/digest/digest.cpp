// SPDX-License-Identifier: Apache-2.0
#include "kernels/digest/digest.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

template <Backend B, class Word>
void run(Exec& exec, Tensor parts, Tensor x) {
  DigestImpl<B, Word>::run(exec, reinterpret_cast<uint64_t*>(parts.raw()),
                           static_cast<const Word*>(x.raw()),
                           x.bytes() / static_cast<int64_t>(sizeof(Word)));
}

}  // namespace

void digest(Exec& exec, Tensor parts, Tensor x) {
  SY_CHECK(parts.dtype() == DType::i32 && parts.numel() == 2 * kDigestParts, "digest: parts {} {}",
           name_of(parts.dtype()), parts.shape().str());
  if (exec.planning) return;
  dispatch_backend(exec, "digest", [&]<Backend B>() {
    if (size_of(x.dtype()) == sizeof(uint16_t)) return run<B, uint16_t>(exec, parts, x);
    run<B, uint32_t>(exec, parts, x);
  });
}

}  // namespace sy
