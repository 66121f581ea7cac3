# SPDX-License-Identifier: Apache-2.0
"""The plots of a study, as SVG: the same runs give the same bytes."""

import math
import statistics

import by_corpus
from curves import final_losses, mean_sd, name_of


def new_figure(study):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "study"  # the same runs give the same bytes
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    axes.set_title(study.get("title", ""))
    axes.grid(alpha=0.3)
    return figure, axes


def save(figure, path):
    from matplotlib import pyplot

    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def plot_finals(study, curves, path):
    """Final losses against a number that the study gives each arm in `against`, with their sd, as SVG."""
    numbers = {arm: x for arm, x in study["against"]["values"].items() if final_losses(curves[arm])}
    figure, axes = new_figure(study)
    points = [mean_sd(final_losses(curves[arm])) for arm in numbers]
    spreads = [0 if math.isnan(sd) else sd for _, sd in points]
    axes.errorbar(list(numbers.values()), [mean for mean, _ in points], yerr=spreads, marker="o", capsize=4)
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(numbers.values()), [str(x) for x in numbers.values()])
    axes.set_xlabel(study["against"]["label"])
    axes.set_ylabel("final validation {}, {}".format(*name_of(study.get("measure"))))
    save(figure, path)


def plot(study, curves, path):
    """The mean curve of each arm, with the range of its seeds shaded, as SVG."""
    figure, axes = new_figure(study)
    for arm in study["arms"]:
        runs = [lines for lines in curves[arm].values() if lines]
        if not runs:
            continue
        steps = [line["step"] for line in runs[0]]
        losses = [[line["loss"] for line in lines] for lines in runs]
        middle = [statistics.fmean(at) for at in zip(*losses)]
        drawn = axes.plot(steps[: len(middle)], middle, label=arm)[0]
        axes.fill_between(steps[: len(middle)], [min(at) for at in zip(*losses)], [max(at) for at in zip(*losses)],
                          color=drawn.get_color(), alpha=0.2, linewidth=0)  # fmt: skip
    axes.set_xlabel("steps")
    axes.set_ylabel("validation {}, {}".format(*name_of(study.get("measure"))))
    finals = [loss for arm in study["arms"] for loss in final_losses(curves[arm])]
    if finals and "task" not in study.get("measure", {}):  # a score begins within its 100
        axes.set_ylim(min(finals) - 0.05, max(finals) + 1.0)
    if finals:
        axes.legend()
    save(figure, path)


def plot_corpora(study, curves, path):
    """Figure 7: the final negative log perplexity of each corpus, a line an arm, from the lowest of the first arm on."""
    arms = [arm for arm in study["arms"] if final_losses(curves[arm])]
    figure, axes = new_figure(study)
    corpora = by_corpus.corpora_of(curves[arms[0]]) if arms else []
    corpora.sort(key=lambda corpus: -by_corpus.final_loss(curves[arms[0]], corpus))
    for arm in arms:
        axes.plot(corpora, [-by_corpus.final_loss(curves[arm], corpus) for corpus in corpora], "o-", label=arm)
    axes.set_ylabel("negative log perplexity")
    if arms:
        axes.legend()
    save(figure, path)


def plot_speed_ups(study, curves, path):
    """Figure 8: how many corpora have which speed-up over the first arm, a histogram an arm."""
    reference, *arms = study["arms"]
    figure, axes = new_figure(study)
    for arm in arms:
        found = [by_corpus.mean_speed_up(curves[arm], curves[reference], corpus) for corpus in by_corpus.corpora_of(curves[arm])]
        reached = [value for value in found if value is not None]
        if reached:
            axes.hist(reached, bins=10, alpha=0.6, label=f"{arm}: mean {statistics.fmean(reached):.2f}")
            axes.legend()
    axes.set_xlabel(f"speed-up over {reference}")
    axes.set_ylabel("corpora")
    save(figure, path)


BY_CORPUS = {"losses": plot_corpora, "speed-ups": plot_speed_ups}
