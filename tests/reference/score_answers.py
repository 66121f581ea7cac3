# SPDX-License-Identifier: Apache-2.0
"""Answers to score: random ones, and edge cases.

A text is a string of codes. A code that is a key of `pieces` stands for that piece, another character for itself.
"""
import random
from collections import namedtuple

Answer = namedtuple("Answer", "prediction targets group right")
CODES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+,-./:;<=>?@[]^_{|}~"

PIECES = [
    "the ", "a ", "an ", "The ", "A", "dog ", "dogs ", "barks", "barks ", "runs ", "house ", "House", "in ", "of ", "and ",
    "Anna", "1 ", "12", "3", "3.5 ", "1,000 ", "2019. ", "-", "- ", "x-ray ", "state-of-the-art ", " . ", ".", ". ", ", ", ",",
    "!", "? ", "'s ", "' ", "\"", "(", ") ", "$", "%", "&amp; ", "&quot;", "&lt;", "<skipped>", "_", "a_b ", "\n", "-\n",
    "\t", " ", "\u00a0", "\u2003", "\u2019s ", "\u2018", "\u00b4", "\u201e", "\u201c ", "\u2014", "\u2026 ", "\u00e9t\u00e9 ",
    "\u00c9T\u00c9 ", "l'an ", "\u0130stanbul ", "\u039f\u0394\u039f\u03a3 ", "\u03bf\u03b4\u03bf\u03c2 ", "\u03a3", "\u00df",
    "\u212a ", "\u4e2d\u6587", "\u3002", "\u20ac", "\u2192 ", "\u00bd", "\u0663 ", "e\u0301 ", "\U0001f600 ", "\u200b", "\u00ad",
    "\u0300"]


class AnswerSet:
    """Rows of codes [prediction, target, ...]; scored in batches of `batch`, or all together for 0."""

    def __init__(self, name, metrics, rows, batch=0, labels=(), pieces=None, groups=None, right=None):
        self.name, self.metrics, self.rows, self.batch = name, metrics, rows, batch
        self.labels, self.pieces = list(labels), pieces or {}
        self.groups, self.right = groups or [""] * len(rows), right or [True] * len(rows)

    def text(self, codes):
        return "".join(self.pieces.get(code, code) for code in codes)

    def answer(self, i):
        prediction, *targets = map(self.text, self.rows[i])
        return Answer(prediction, targets, self.groups[i], self.right[i])

    def document(self):
        document = {"name": self.name, "batch": self.batch, "labels": self.labels, "pieces": self.pieces,
                    "answers": self.rows}
        if any(self.groups):
            document["groups"] = self.groups
        if not all(self.right):
            document["right"] = self.right
        return document


def mutated(draw, codes, alphabet):
    """Another text with much in common."""
    codes = list(codes)
    for _ in range(draw.randint(0, 4)):
        place = draw.randint(0, len(codes))
        action = draw.randrange(3)
        if action == 0:
            codes.insert(place, draw.choice(alphabet))
        elif codes and action == 1:
            codes.pop(min(place, len(codes) - 1))
        elif codes:
            codes[min(place, len(codes) - 1)] = draw.choice(alphabet)
    return "".join(codes)


def random_texts(draw, number, batch):
    pieces = dict(zip(CODES, PIECES, strict=False))
    assert len(pieces) == len(PIECES)
    rows = []
    for _ in range(number):
        target = "".join(draw.choices(list(pieces), k=draw.choice([0, 1, 2, 3, 6, 10, 14])))
        targets = [target] + [mutated(draw, target, list(pieces)) for _ in range(draw.choice([0, 0, 0, 1, 2]))]
        rows.append([mutated(draw, draw.choice(targets), list(pieces))] + targets)
    metrics = ["squad", "trivia_qa", "rouge", "bleu", "bleu_13a", "exact_match", "sequence_accuracy", "accuracy"]
    return AnswerSet("texts", metrics, rows, batch, pieces=pieces)


def random_summaries(draw, number, batch):
    """Few words, and sentences in another order: common subsequences are many, and ROUGE-Lsum is not ROUGE-L."""
    pieces = dict(zip("abcdef/.", ["one ", "two ", "Three ", "four ", "the ", "5 ", "\n", " . "], strict=True))
    rows = []
    for _ in range(number):
        sentences = ["".join(draw.choices("abcdef", k=draw.randint(1, 6))) for _ in range(draw.randint(1, 4))]
        others = [mutated(draw, sentence, "abcdef") for sentence in sentences]
        draw.shuffle(others)
        rows.append([draw.choice("/.").join(others), draw.choice("/.").join(sentences)])
    return AnswerSet("summaries", ["rouge"], rows, batch, pieces=pieces)


def random_groups(draw, number):
    groups = []
    while len(groups) < number:
        groups += [str(len(groups))] * draw.randint(1, 5)
    return groups[:number]


def random_classes(draw, name, metrics, labels, number, batch):
    pieces = {str(i): label for i, label in enumerate(labels)} | {"x": "no such label", "y": labels[0].upper()}
    known = [str(i) for i in range(len(labels))]
    rows = []
    for _ in range(number):
        target = draw.choice(known)
        rows.append([draw.choice([target, target, target] + known + ["x", "y"]), target])
    return AnswerSet(name, metrics, rows, batch, labels, pieces, groups=random_groups(draw, number))


def random_numbers(draw, number, batch):
    rows = []
    for _ in range(number):
        target = draw.randint(0, 25) / 5
        guess = draw.choice([target, target + draw.choice([-0.2, 0.2, 1]), draw.randint(0, 25) / 5])
        rows.append([draw.choice([f"{guess:.1f}", f"{guess:.1f}", f" {guess}", f"{guess:e}", "good"]), f"{target:.1f}"])
    return AnswerSet("numbers", ["pearson", "spearman"], rows, batch)


def random_record(draw, number, batch):
    words = dict(zip("abcdef", ["The ", "Anna ", "anna", "Bob ", "New York", "."], strict=True))
    rows = [["".join(draw.choices("abcdef", k=draw.randint(1, 3))) for _ in range(1 + draw.randint(1, 3))]
            for _ in range(number)]
    return AnswerSet("record", ["record"], rows, batch, pieces=words, groups=random_groups(draw, number))


def random_referents(draw, number, batch):
    words = dict(zip("abcdefg", ["The ", "the ", "fuzzy ", "bunny", "Bob", "'s ", "hat "], strict=True))
    rows = [["".join(draw.choices("abcdefg", k=draw.randint(0, 4))) for _ in range(2)] for _ in range(number)]
    return AnswerSet("wsc", ["wsc"], rows, batch, pieces=words, right=[draw.random() < 0.5 for _ in range(number)])


def random_sets(seed, number, batch):
    draw = random.Random(seed)
    binary = ["f1", "f1_macro", "matthews", "accuracy", "multirc"]
    return [
        random_texts(draw, number, batch),
        random_summaries(draw, number, batch),
        random_classes(draw, "two classes", binary, ["not_equivalent", "equivalent"], number, batch),
        random_classes(draw, "three classes", ["f1_macro", "matthews", "accuracy"],
                       ["entailment", "contradiction", "neutral"], number, batch),
        random_numbers(draw, number, batch),
        random_record(draw, number, batch),
        random_referents(draw, number, batch),
    ]


TEXT_METRICS = ["squad", "trivia_qa", "rouge", "bleu", "bleu_13a", "exact_match"]


def edge_sets():
    def of_texts(name, *rows):
        return AnswerSet(name, TEXT_METRICS, [list(row) for row in rows])

    def of_classes(name, predictions, targets, labels="01"):
        metrics = ["f1", "f1_macro", "matthews"] if len(labels) == 2 else ["f1_macro", "matthews"]
        return AnswerSet(name, metrics, [list(row) for row in zip(predictions, targets, strict=True)], labels=labels)

    def of_numbers(name, *rows):
        return AnswerSet(name, ["pearson", "spearman"], [list(row) for row in rows])

    return [
        of_texts("empty prediction", ["", "the dog barks"]),
        of_texts("empty target", ["the dog barks", ""]),
        of_texts("both empty", ["", ""]),
        of_texts("both empty once normalised", ["The !", "a."]),
        of_texts("equal", ["The dog barks at the door .", "The dog barks at the door ."]),
        of_texts("shorter than four words", ["big dog", "big dog"]),
        of_texts("one of several", ["hippo", "big moose", "hippo", "The Hippo!"]),
        of_texts("quotes", ["\u2018a big  Moose!\u2018", "big moose", "hippo"], ["wrong", "correct1"],
                 ["correct2.2", "correct2.1", "correct2.2"], ["c", "a", "b"]),
        of_texts("two targets, one of symbols", ["abd", "abc abd", "$$$$"]),
        of_texts("sentences", ["One two . three four . five", "three four . one two .\nfive"],
                 ["a b a b", "b a . b a . b"]),
        of_texts("final sigma", ["\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"],
                 ["\u03a3. \u0391\u03a3\u0301 \u0391'\u03a3 \u0391\u03a3'\u0391", "\u03c3. \u03b1\u03c3\u0301"]),
        of_classes("all right", "0110", "0110"),
        of_classes("all wrong", "1001", "0110"),
        of_classes("constant prediction", "1111", "0110"),
        of_classes("constant target", "0101", "0000"),
        of_classes("no positive at all", "0000", "0000"),
        of_classes("no label at all", "xxxx", "0110"),
        of_classes("a class that no one has", "0011", "0101", "012"),
        of_numbers("constant prediction", ["2.0", "1.0"], ["2.0", "2.0"], ["2.0", "3.0"]),
        of_numbers("constant target", ["1.0", "2.0"], ["2.0", "2.0"]),
        of_numbers("two", ["1.0", "2.0"], ["3.0", "2.5"]),
        of_numbers("ties", ["1.0", "1.0"], ["1.0", "2.0"], ["2.0", "2.0"], ["2.0", "2.0"], ["0.0", "3.0"]),
        of_numbers("no numbers", ["one", "1.0"], ["nan", "2.0"], ["+3", "3.0"], ["inf", "4.0"], ["1e-1", "5.0"],
                   ["0x10", "1.0"], ["", "2.0"], ["3,5", "3.0"], [" \t4.0\n", "4.0"], ["+-1", "2.0"], [".5", "1.0"]),
    ]
