// SPDX-License-Identifier: Apache-2.0
// Every metric, one function each: answers and labels in (scores.h), scores out. There is at least
// one answer, and every example has a target.
#pragma once

#include "lib/tasks/scores.h"

namespace sy::metrics {

using Answers = std::span<const Answer>;
using Labels = std::span<const std::string>;
using Metric = std::vector<Score> (*)(Answers, Labels);

// A prediction that is none of the labels counts as wrong. Targets are classes of the first target.
std::vector<Score> accuracy(Answers answers, Labels labels);  // of texts, so it needs no labels
std::vector<Score> f1(Answers answers, Labels labels);        // of labels[1]; two labels
std::vector<Score> f1_macro(Answers answers, Labels labels);  // mean over labels; mean_3class_f1
std::vector<Score> matthews(Answers answers, Labels labels);  // 0 if either side is constant

// MultiRC: f1 over all answers, and the share of groups (questions) with every answer right
// (exact_match). Labels False and True unless others are given.
std::vector<Score> multirc(Answers answers, Labels labels);
// WSC as T5 casts it: whether the predicted referent agrees with the target, compared with
// TextExample::right.
std::vector<Score> wsc(Answers answers, Labels labels);

// Of numbers. A prediction that is not a finite number counts as -1. NaN if a side is constant.
std::vector<Score> pearson(Answers answers, Labels labels);
std::vector<Score> spearman(Answers answers, Labels labels);  // equal values share their mean rank

// Texts without any normalisation.
std::vector<Score> sequence_accuracy(Answers answers, Labels labels);  // the first target
std::vector<Score> exact_match(Answers answers, Labels labels);        // any target

// Exact match (em) and F1 of words (f1) of normalised texts, each the maximum over targets.
std::vector<Score> squad(Answers answers, Labels labels);
std::vector<Score> trivia_qa(Answers answers, Labels labels);
std::vector<Score> record(Answers answers, Labels labels);  // squad, the first of each group only

// ROUGE-1, -2, -L and -Lsum: mean F-measure in percent, for each the maximum over targets.
std::vector<Score> rouge(Answers answers, Labels labels);

// Corpus BLEU with exponential smoothing, all targets references: sacrebleu's tokenisations intl
// (T5's choice) and 13a (WMT's).
std::vector<Score> bleu(Answers answers, Labels labels);
std::vector<Score> bleu_13a(Answers answers, Labels labels);

}  // namespace sy::metrics
