// SPDX-License-Identifier: Apache-2.0
#include "kernels/dropout/dropout.h"

#include "kernels/dispatch_dtype.h"

namespace sy {
namespace {

void run(Exec& exec, Tensor out, Tensor residual, Tensor x, const Dropout& dropout) {
  const auto like_x = [&](Tensor t) { return t.numel() == x.numel() && t.cols() == x.cols(); };
  SY_CHECK(like_x(out) && (residual.empty() || like_x(residual)),
           "dropout: out {}, residual {}, x {}", out.shape().str(), residual.shape().str(),
           x.shape().str());
  check_dropout("dropout", dropout, x.rows(), x.cols());
  if (exec.planning) return;
  if (dropout.rate == 0 && residual.empty() && out.raw() == x.raw()) return;
  const ProfileScope profile(exec.profiler, Part::dropout);
  dispatch_activations(exec, x.dtype(), "dropout", [&]<Backend B, class T>() {
    DropoutImpl<B, T>::forward(exec, out, residual, x, dropout);
  });
}

}  // namespace

void check_dropout(const char* op, const Dropout& dropout, int64_t rows, int64_t cols) {
  SY_CHECK(dropout.rate >= 0 && dropout.rate < 1, "{}: rate {}", op, dropout.rate);
  SY_CHECK(dropout.row_ids.empty() || dropout.row_ids.numel() == rows, "{}: {} row ids for {} rows",
           op, dropout.row_ids.numel(), rows);
  SY_CHECK(dropout.rows_per_mask == 1 || (dropout.rows_per_mask > 1 && dropout.row_ids.empty()),
           "{}: {} rows per mask", op, dropout.rows_per_mask);
  SY_CHECK(dropout.first_col >= 0 && dropout.first_col + cols <= dropout.row_words(cols),
           "{}: columns {} to {} of {}", op, dropout.first_col, dropout.first_col + cols,
           dropout.row_words(cols));
}

void dropout_forward(Exec& exec, Tensor out, Tensor x, const Dropout& dropout) {
  run(exec, out, {}, x, dropout);
}

void residual_dropout_forward(Exec& exec, Tensor out, Tensor residual, Tensor x,
                              const Dropout& dropout) {
  SY_CHECK(!residual.empty(), "residual_dropout without a residual");
  run(exec, out, residual, x, dropout);
}

}  // namespace sy
