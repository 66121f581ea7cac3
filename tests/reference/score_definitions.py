# SPDX-License-Identifier: Apache-2.0
"""Every metric by the package that defines it, or by its definition where none does.

T5's evaluation calls the same packages with the same arguments. A metric takes answers (with prediction,
targets, group and right) and labels, and returns {name: value}.
"""
import itertools
import math
import re
import string
import warnings
from collections import Counter

import numpy as np
import sacrebleu
import scipy.stats
import sklearn.metrics
from rouge_score import rouge_scorer
from transformers.data.metrics.squad_metrics import normalize_answer

warnings.filterwarnings("ignore", category=scipy.stats.ConstantInputWarning)


def classes(answers, labels):
    index = {label: i for i, label in enumerate(labels)}
    targets = np.array([index[a.targets[0]] for a in answers])
    return targets, np.array([index.get(a.prediction, -1) for a in answers])


def accuracy(answers, labels):
    return {"accuracy": 100 * sklearn.metrics.accuracy_score([a.targets[0] for a in answers],
                                                             [a.prediction for a in answers])}


def f1(answers, labels):
    targets, predictions = classes(answers, labels)
    predictions = np.where(predictions < 0, 1 - targets, predictions)
    return {"f1": 100 * sklearn.metrics.f1_score(targets, predictions, zero_division=0)}


def f1_macro(answers, labels):
    targets, predictions = classes(answers, labels)
    value = sklearn.metrics.fbeta_score(targets, predictions, beta=1, labels=range(len(labels)),
                                        average="macro", zero_division=0)
    return {f"mean_{len(labels)}class_f1": 100 * value}


def matthews(answers, labels):
    return {"matthews_corrcoef": 100 * sklearn.metrics.matthews_corrcoef(*classes(answers, labels))}


def multirc(answers, labels):
    targets, predictions = classes(answers, labels or ["False", "True"])
    groups = {}
    for i, answer in enumerate(answers):
        groups.setdefault(answer.group or f"alone {i}", []).append(targets[i] == predictions[i])
    return f1(answers, labels or ["False", "True"]) | {
        "exact_match": 100 * np.mean([all(right) for right in groups.values()])}


def number(text):
    try:
        value = float(text)
    except ValueError:
        return -1.0
    return value if math.isfinite(value) else -1.0


def numbers(answers):
    return [number(a.targets[0]) for a in answers], [number(a.prediction) for a in answers]


def pearson(answers, labels):
    return {"pearson_corrcoef": 100 * scipy.stats.pearsonr(*numbers(answers))[0]}


def spearman(answers, labels):
    return {"spearman_corrcoef": 100 * scipy.stats.spearmanr(*numbers(answers))[0]}


def sequence_accuracy(answers, labels):
    return {"sequence_accuracy": 100 * np.mean([a.prediction == a.targets[0] for a in answers])}


def exact_match(answers, labels):
    return {"exact_match": 100 * np.mean([a.prediction in a.targets for a in answers])}


def normalise_trivia_qa(text):
    separators = string.punctuation + "\u2018\u2019\u00b4`_"
    text = "".join(" " if c in separators else c for c in text.lower())
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def word_f1(target, prediction):
    common = sum((Counter(target.split()) & Counter(prediction.split())).values())
    return 2 * common / (len(target.split()) + len(prediction.split())) if common else 0.0


def answer_scores(answers, normalise):
    exact, shared = [], []
    for answer in answers:
        prediction = normalise(answer.prediction)
        targets = [normalise(target) for target in answer.targets]
        exact.append(prediction in targets)
        shared.append(max(word_f1(target, prediction) for target in targets))
    return {"em": 100 * np.mean(exact), "f1": 100 * np.mean(shared)}


def squad(answers, labels):
    return answer_scores(answers, normalize_answer)


def trivia_qa(answers, labels):
    return answer_scores(answers, normalise_trivia_qa)


def record(answers, labels):
    first = {answer.group or f"alone {i}": answer for i, answer in reversed(list(enumerate(answers)))}
    return squad(list(first.values()), labels)


def rouge(answers, labels):
    names = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    scorer = rouge_scorer.RougeScorer(names)
    sums = Counter()
    for answer in answers:
        texts = [text.replace(" . ", " .\n") for text in [answer.prediction] + answer.targets]
        scores = scorer.score_multi(texts[1:], texts[0])
        sums.update({name: scores[name].fmeasure for name in names})
    return {name: 100 * sums[name] / len(answers) for name in names}


def corpus_bleu(answers, tokenize):
    references = list(itertools.zip_longest(*(a.targets for a in answers)))
    score = sacrebleu.corpus_bleu([a.prediction for a in answers], references, smooth_method="exp",
                                  tokenize=tokenize)
    return {"bleu": score.score}


def bleu(answers, labels):
    return corpus_bleu(answers, "intl")


def bleu_13a(answers, labels):
    return corpus_bleu(answers, "13a")


DETERMINERS = set("a an few her his each every many much my our some that the their these this those which "
                  "whose your".split())


def referent_words(text):
    words = [w for w in text.strip().lower().split(" ") if w not in DETERMINERS]
    return set(words or [""]), "'" in " ".join(words)


def wsc(answers, labels):
    right = 0
    for answer in answers:
        predicted, mark = referent_words(answer.prediction)
        referent, other = referent_words(answer.targets[0])
        refers = mark == other and (predicted <= referent or referent <= predicted)
        right += refers == answer.right
    return {"accuracy": 100 * right / len(answers)}


METRICS = {metric.__name__: metric for metric in (
    accuracy, f1, f1_macro, matthews, multirc, pearson, spearman, sequence_accuracy, exact_match, squad, trivia_qa,
    record, rouge, bleu, bleu_13a, wsc)}
