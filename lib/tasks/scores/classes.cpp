// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/scores/classes.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "lib/base/error.h"

namespace sy::metrics {
namespace {

int class_of(const std::string& text, Labels labels) {
  const auto found = std::find(labels.begin(), labels.end(), text);
  return found == labels.end() ? kNoClass : static_cast<int>(found - labels.begin());
}

}  // namespace

Classes classes_of(Answers answers, Labels labels) {
  Classes classes;
  for (size_t i = 0; i < answers.size(); ++i) {
    const std::string& target = answers[i].example->targets.front();
    classes.targets.push_back(class_of(target, labels));
    classes.predictions.push_back(class_of(answers[i].prediction, labels));
    if (classes.targets.back() == kNoClass) {
      throw DataError(fmt::format(
          "the target of example {}, '{}', is not a label; labels are {}, ... ({} in all)", i + 1,
          target, labels.front(), labels.size()));
    }
  }
  return classes;
}

double class_f1(const Classes& classes, int positive) {
  double both = 0, either = 0;
  for (size_t i = 0; i < classes.targets.size(); ++i) {
    const int target = classes.targets[i] == positive ? 1 : 0;
    const int prediction = classes.predictions[i] == positive ? 1 : 0;
    both += target * prediction;
    either += target + prediction;
  }
  return either == 0 ? 0 : 100 * 2 * both / either;
}

double binary_f1(Classes classes) {
  for (size_t i = 0; i < classes.targets.size(); ++i) {
    if (classes.predictions[i] == kNoClass) classes.predictions[i] = 1 - classes.targets[i];
  }
  return class_f1(classes, 1);
}

std::vector<Score> accuracy(Answers answers, Labels) {
  double right = 0;
  for (const Answer& answer : answers) {
    right += answer.prediction == answer.example->targets.front() ? 1 : 0;
  }
  return {{"accuracy", 100 * right / static_cast<double>(answers.size())}};
}

std::vector<Score> f1(Answers answers, Labels labels) {
  return {{"f1", binary_f1(classes_of(answers, labels))}};
}

std::vector<Score> f1_macro(Answers answers, Labels labels) {
  const Classes classes = classes_of(answers, labels);
  double sum = 0;
  for (size_t i = 0; i < labels.size(); ++i) sum += class_f1(classes, static_cast<int>(i));
  return {
      {fmt::format("mean_{}class_f1", labels.size()), sum / static_cast<double>(labels.size())}};
}

// Of several classes (Gorodkin 2004): the correlation of the two indicator matrices. Predictions
// without a class are a class of their own.
std::vector<Score> matthews(Answers answers, Labels labels) {
  const Classes classes = classes_of(answers, labels);
  const auto total = static_cast<double>(answers.size());
  std::map<int, double> targets, predictions;
  double right = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    ++targets[classes.targets[i]];
    ++predictions[classes.predictions[i]];
    right += classes.targets[i] == classes.predictions[i] ? 1 : 0;
  }
  double both = right * total, of_targets = total * total, of_predictions = total * total;
  for (const auto& [label, count] : targets) {
    both -= count * predictions[label];
    of_targets -= count * count;
  }
  for (const auto& [label, count] : predictions) of_predictions -= count * count;
  const double scale = std::sqrt(of_targets) * std::sqrt(of_predictions);
  return {{"matthews_corrcoef", scale == 0 ? 0 : 100 * both / scale}};
}

}  // namespace sy::metrics
