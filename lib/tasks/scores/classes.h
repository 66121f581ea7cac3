// SPDX-License-Identifier: Apache-2.0
// Texts as numbers of classes.
#pragma once

#include "lib/tasks/scores/metrics.h"

namespace sy::metrics {

constexpr int kNoClass = -1;  // a prediction that is none of the labels

struct Classes {
  std::vector<int> targets, predictions;
};

// Classes of the first targets and of the predictions. Texts must equal a label exactly. Throws
// DataError for a target that is none.
Classes classes_of(Answers answers, Labels labels);

// F1 of class `positive` in percent; 0 if neither side has it.
double class_f1(const Classes& classes, int positive);

// F1 of class 1 of two, in percent, as T5 computes it: a prediction without a class is the wrong
// one.
double binary_f1(Classes classes);

}  // namespace sy::metrics
