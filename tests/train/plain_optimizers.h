// SPDX-License-Identifier: Apache-2.0
// The optimisers as in their papers, in float64, one formula and one matrix at a time: the
// reference for those of the trainer.
#pragma once

#include <cmath>
#include <vector>

#include "lib/train/optimizer/optimizer.h"

namespace sy::test {

using Numbers = std::vector<double>;

inline double rms(const Numbers& x) {
  double squares = 0;
  for (const double v : x) squares += v * v;
  return std::sqrt(squares / static_cast<double>(x.size()));
}

// One vector (m = 1, not factored) or one matrix [n, m]; each expert counts as one.
struct PlainAdafactor {
  size_t n, m;
  bool factored;
  Numbers row, col;  // if not factored, row is the whole second moment

  PlainAdafactor(size_t rows, size_t cols, bool matrix)
      : n(rows), m(cols), factored(matrix), row(rows), col(matrix ? cols : 0) {}

  // Shazeer & Stern 2018, algorithms 4 and 5.
  Numbers direction(const Numbers& g, double decay) {
    constexpr double kEpsilon1 = 1e-30;
    Numbers rows(n), cols(col.size()), u(g.size());
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < m; ++j) {
        const double square = g[i * m + j] * g[i * m + j] + kEpsilon1;
        rows[i] += square / static_cast<double>(m);
        if (factored) cols[j] += square / static_cast<double>(n);
      }
    }
    double mean = 0;
    for (size_t i = 0; i < n; ++i) {
      row[i] = decay * row[i] + (1 - decay) * rows[i];
      mean += row[i] / static_cast<double>(n);
    }
    for (size_t j = 0; j < cols.size(); ++j) col[j] = decay * col[j] + (1 - decay) * cols[j];
    for (size_t i = 0; i < u.size(); ++i) {
      u[i] = g[i] / std::sqrt(factored ? row[i / m] * col[i % m] / mean : row[i]);
    }
    return u;
  }

  static double decay(const Update& update, const OptimizerSection& config) {
    // Steps after step_offset are counted from 1.
    const int64_t since = update.step - config.step_offset;
    const double t = static_cast<double>(since > 0 ? since : update.step);
    return 1 - std::pow(t, -config.decay_exponent);
  }

  // Moves weights in the direction u, both of one matrix or of several together.
  static void move(Numbers& w, const Numbers& u, const Update& update,
                   const OptimizerSection& config) {
    constexpr double kEpsilon2 = 1e-3;  // lower bound on the RMS of the parameter
    const double clip = std::max(1.0, rms(u) / config.update_clip);
    const double rate = std::max(kEpsilon2, rms(w)) * update.learning_rate / clip;
    for (size_t i = 0; i < w.size(); ++i) {
      w[i] = w[i] - rate * u[i] - update.learning_rate * config.weight_decay * w[i];
    }
  }

  void step(Numbers& w, const Numbers& g, const Update& update, const OptimizerSection& config) {
    move(w, direction(g, decay(update, config)), update, config);
  }
};

// Any number of elements; Loshchilov & Hutter 2019, algorithm 2.
struct PlainAdamW {
  Numbers first, second;

  explicit PlainAdamW(size_t count) : first(count), second(count) {}

  void step(Numbers& w, const Numbers& g, const Update& update, const OptimizerSection& config) {
    const double t = static_cast<double>(update.step), b1 = config.beta1, b2 = config.beta2;
    for (size_t i = 0; i < w.size(); ++i) {
      first[i] = b1 * first[i] + (1 - b1) * g[i];
      second[i] = b2 * second[i] + (1 - b2) * g[i] * g[i];
      const double mean = first[i] / (1 - std::pow(b1, t));
      const double square = second[i] / (1 - std::pow(b2, t));
      w[i] -= update.learning_rate *
              (mean / (std::sqrt(square) + config.epsilon) + config.weight_decay * w[i]);
    }
  }
};

}  // namespace sy::test
